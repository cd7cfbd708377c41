/** Raw events, one line each, in the layout of `trace-cmd report`: task-pid, CPU, flags, time, name, fields; stacks below. */
import type { StateEvent } from '../../schema/index.ts';
import type { Style } from './text/style.ts';
import { padTo, printable, type TimeFormat } from './text/text-format.ts';

/** What is printed of an event. */
interface PrintedEvent extends Omit<StateEvent, 'fields'> {
  readonly fields: Readonly<Record<string, string | number | bigint>>;
  readonly stack: readonly string[];
}

const TASK_WIDTH = 24;
const TIME_WIDTH = 14;
const NAME_WIDTH = 22;

/**
 * @param role what the event proves, where it is evidence: it is marked
 * @param marks leave room for the marks of other events
 */
export function eventLine(
  event: PrintedEvent,
  time: TimeFormat,
  style: Style,
  { role, marks = false }: { readonly role?: string | undefined; readonly marks?: boolean } = {},
): string {
  const who = `${event.task === '' ? '<...>' : printable(event.task)}-${event.tid ?? '?'}`;
  const cpu = event.cpu === null ? '     ' : `[${String(event.cpu).padStart(3, '0')}]`;
  const flags = event.flags === null ? '' : ` ${event.flags}`;
  const fields = Object.entries(event.fields)
    .map(([name, value]) => (name === 'msg' || name === 'buf' ? text(value) : `${name}=${text(value)}`))
    .join(' ');
  const head = `${padTo(who, TASK_WIDTH)} ${cpu}${flags} ${time.stamp(event.ts_ns).padStart(TIME_WIDTH)}: `;
  const line = `${head}${padTo(`${event.name}:`, NAME_WIDTH)} ${fields}`.trimEnd();
  const marked =
    role === undefined
      ? `${marks ? '  ' : ''}${line}`
      : `${style.bold(`> ${line}`)}  ${style.dim(`<- ${printable(role)}`)}`;
  return [marked, ...event.stack.map((frame) => `${marks ? '  ' : ''}    => ${printable(frame)}`)].join('\n');
}

/** Addresses and masks are what the kernel prints in hexadecimal. */
function text(value: string | number | bigint): string {
  if (typeof value === 'bigint') return value > 0xffffn ? `0x${value.toString(16)}` : value.toString();
  return printable(String(value));
}
