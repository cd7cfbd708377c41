/**
 * Events of the Chrome trace format ("Trace Event Format"; written by Chrome, Perfetto's exporters and many profilers):
 *
 *     {"name":"sched_switch","cat":"sched","ph":"X","ts":1013720463.463,"dur":12.5,"pid":1,"tid":7,"args":{"prio":120}}
 *     {"ph":"M","name":"thread_name","pid":1,"tid":7,"args":{"name":"rcu_preempt"}}
 *
 * Times are microseconds with a fraction. The format promises no order (a slice is written when it ends), so events pass a
 * window that sorts them.
 */
import { type EventField, NO_CPU, NO_TID } from '../../schema/index.ts';
import type { EventOutput } from './event-output.ts';
import { decimalToInteger, isObject, type JsonObject, type JsonValue, jsonText } from './json-value.ts';

/** Events that wait; one that is late by more keeps its place. */
const WINDOW_EVENTS = 1 << 16;
/** Threads whose names are kept. */
const MAX_THREADS = 1 << 16;
const MAX_TID = 2 ** 31;

/** Event types by phase; phases that begin and end the same kind of thing share one, its letter is in the field `ph`. */
const TYPE_OF_PHASE: Readonly<Record<string, string>> = {
  X: 'chrome_slice',
  B: 'chrome_begin',
  E: 'chrome_end',
  i: 'chrome_instant',
  I: 'chrome_instant',
  R: 'chrome_instant',
  C: 'chrome_counter',
  b: 'chrome_async',
  n: 'chrome_async',
  e: 'chrome_async',
  S: 'chrome_async',
  T: 'chrome_async',
  p: 'chrome_async',
  F: 'chrome_async',
  s: 'chrome_flow',
  t: 'chrome_flow',
  f: 'chrome_flow',
  N: 'chrome_object',
  O: 'chrome_object',
  D: 'chrome_object',
  M: 'chrome_metadata',
  P: 'chrome_sample',
};
const OTHER_TYPE = 'chrome_event';

const FIELDS: readonly EventField[] = [
  { name: 'name', type: 'str' },
  { name: 'cat', type: 'str' },
  { name: 'ph', type: 'str' },
  { name: 'dur_ns', type: 'int' },
  { name: 'id', type: 'str' },
  { name: 'pid', type: 'int' },
  { name: 'args', type: 'str' },
];

/** Keys whose numbers are read digit by digit. */
export const CHROME_EXACT_KEYS: ReadonlySet<string> = new Set(['ts', 'dur', 'id']);

interface WaitingEvent {
  readonly tsNs: number;
  readonly phase: string;
  readonly name: number;
  readonly category: number;
  readonly durationNs: number | undefined;
  readonly id: string;
  readonly pid: number | undefined;
  readonly tid: number;
  readonly args: string;
}

function textOf(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : typeof value === 'object' ? jsonText(value) : String(value);
}

function taskNumber(value: JsonValue | undefined): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && Math.abs(number) < MAX_TID ? number : undefined;
}

export class ChromeEvents {
  /** Events taken in. */
  count = 0;
  readonly #output: EventOutput;
  #waiting: WaitingEvent[] = [];
  #lastNs = Number.NEGATIVE_INFINITY;
  readonly #threadNames = new Map<number, number>();

  constructor(output: EventOutput) {
    this.#output = output;
  }

  /** Takes one event in. @param byte where it stands, for diagnostics */
  add(event: JsonObject, byte: number): void {
    const { diagnostics, dictionary } = this.#output.context;
    const phase = textOf(event.ph);
    const timeNs = event.ts === undefined && phase === 'M' ? 0n : decimalToInteger(textOf(event.ts), 1);
    // Metadata is written without a time, or with 0.
    const isAtStart = phase === 'M' && timeNs === 0n;
    const tsNs = isAtStart
      ? Math.max(0, this.#lastNs)
      : timeNs === undefined
        ? undefined
        : this.#output.relative(timeNs);
    if (tsNs === undefined) {
      diagnostics.report('record-malformed', { byte }, `event without a time: ${jsonText(event)}`);
      return;
    }
    const duration = event.dur === undefined ? undefined : decimalToInteger(textOf(event.dur), 1);
    const tid = taskNumber(event.tid) ?? NO_TID;
    if (phase === 'M') this.#nameThread(event, tid);
    this.count++;
    this.#waiting.push({
      tsNs,
      phase,
      name: dictionary.string(textOf(event.name)),
      category: dictionary.string(textOf(event.cat)),
      durationNs: duration === undefined ? undefined : Number(duration),
      id: textOf(event.id ?? event.id2 ?? event.bind_id),
      pid: taskNumber(event.pid),
      tid,
      args: event.args === undefined ? '' : jsonText(event.args),
    });
    if (this.#waiting.length >= WINDOW_EVENTS) this.#release(this.#waiting.length >> 1, byte);
  }

  /** Writes what waits. */
  finish(byte: number): void {
    this.#release(this.#waiting.length, byte);
  }

  #nameThread(event: JsonObject, tid: number): void {
    if (event.name !== 'thread_name' || !isObject(event.args) || this.#threadNames.size >= MAX_THREADS) return;
    this.#threadNames.set(tid, this.#output.context.dictionary.string(textOf(event.args.name)));
  }

  #release(count: number, byte: number): void {
    const waiting = this.#waiting.sort((a, b) => a.tsNs - b.tsNs);
    for (let i = 0; i < count; i++) this.#write(waiting[i], byte);
    this.#waiting = waiting.slice(count);
  }

  #write(event: WaitingEvent, byte: number): void {
    const { writer, context } = this.#output;
    if (event.tsNs < this.#lastNs) context.diagnostics.report('time-backwards', { byte }, `${event.tsNs} ns`);
    else this.#lastNs = event.tsNs;
    const name = TYPE_OF_PHASE[event.phase] ?? OTHER_TYPE;
    const { typeId } = context.dictionary.eventType(name, 'tracepoint', 'chrome', FIELDS);
    const comm = this.#threadNames.get(event.tid) ?? 0;
    writer.begin(event.tsNs, NO_CPU, event.tid, comm, typeId, 0, 0);
    writer.str(event.name);
    writer.str(event.category);
    writer.str(context.dictionary.string(event.phase));
    if (event.durationNs !== undefined && Number.isSafeInteger(event.durationNs)) writer.int(event.durationNs);
    else writer.null();
    if (event.id === '') writer.null();
    else writer.text(event.id);
    if (event.pid === undefined) writer.null();
    else writer.int(event.pid);
    if (event.args === '') writer.null();
    else writer.text(event.args);
    writer.end();
    this.#output.rotate();
  }
}
