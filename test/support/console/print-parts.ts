/** Locks and stacks as the kernel prints them in reports. */
import type { LogFrames, LogLock, LogStack } from '../../../schema/index.ts';

/** The form that parsers/console/text/lock-text.ts reads back to the same lock. */
export function formatLock(lock: LogLock): string {
  const wait = lock.outer === undefined ? '' : `-{${lock.outer}:${lock.inner}}`;
  return `${lock.address ?? ''} (${lock.name}){${lock.usage ?? '....'}}${wait}${lock.site ? `, at: ${lock.site}` : ''}`;
}

/**
 * Lines that parsers/console/text/stack-text.ts reads back to the same stack.
 * @param irqFrames undefined: without section marks.
 * @param printed the lines as the report keeps them
 */
export function formatStack(
  stack: LogStack,
  nmiFrames = 0,
  irqFrames: number | undefined = undefined,
  userMode = false,
  printed: LogFrames | undefined = undefined,
): string[] {
  if (printed) return ['Call Trace:', ...printed];
  const frames = (from: number, to: number) => stack.slice(from, to).map((symbol) => ` ${symbol}+0x0/0x1`);
  const user = userMode ? ['RIP: 0033:0x1000'] : [];
  if (irqFrames === undefined) return ['Call Trace:', ...frames(0, stack.length), ...user];
  const section = (name: string, from: number, to: number) =>
    to > from ? [` <${name}>`, ...frames(from, to), ` </${name}>`] : [];
  return [
    'Call Trace:',
    ...section('NMI', 0, nmiFrames),
    ...section('IRQ', nmiFrames, nmiFrames + irqFrames),
    ' <TASK>',
    ...frames(nmiFrames + irqFrames, stack.length),
    ...user,
    ' </TASK>',
  ];
}
