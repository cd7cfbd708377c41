/**
 * Finds the events in a JSON trace: elements of the top-level array, of `traceEvents`, or of the `samples` of perf; builds one
 * at a time. Everything else is passed over.
 */
import { CHROME_EXACT_KEYS, ChromeEvents } from './chrome-events.ts';
import type { EventOutput } from './event-output.ts';
import type { JsonVisitor } from './json-stream.ts';
import { isObject, type JsonValue, ValueBuilder } from './json-value.ts';
import { PERF_EXACT_KEYS, PerfSamples } from './perf-samples.ts';
import { SystemTrace } from './system-trace.ts';

type Section = 'chrome' | 'perf' | undefined;

export class TraceVisitor implements JsonVisitor {
  /** Byte of the capture that was reached; set by the owner. */
  byte = 0;
  /** The text is an array of events without an object around it; its end may be missing. */
  isEventArray = false;
  readonly #output: EventOutput;
  #depth = 0;
  #rootKey = '';
  #section: Section;
  /** The value under construction, and what becomes of it. */
  #builder: ValueBuilder | undefined;
  #complete: (value: JsonValue) => void = () => undefined;
  #isPerf = false;
  readonly chrome: ChromeEvents;
  readonly perf: PerfSamples;
  #system: SystemTrace | undefined;

  constructor(output: EventOutput) {
    this.#output = output;
    this.chrome = new ChromeEvents(output);
    this.perf = new PerfSamples(output);
  }

  /** Events read so far. */
  get count(): number {
    return this.chrome.count + this.perf.count + (this.#system?.count ?? 0);
  }

  get isPerf(): boolean {
    return this.#isPerf;
  }

  /** Whether a value was left half-built: the text ended inside an event. */
  get isInsideEvent(): boolean {
    return this.#builder !== undefined;
  }

  open(kind: 'object' | 'array'): void {
    const depth = this.#depth++;
    if (this.#builder) this.#builder.open(kind);
    else if (depth === 0) {
      this.isEventArray = kind === 'array';
      if (this.isEventArray) this.#section = 'chrome';
    } else if (this.#section && kind === 'object' && depth === (this.isEventArray ? 1 : 2)) this.#beginEvent(kind);
    else if (depth === 1 && kind === 'array') this.#section = this.#sectionOfKey();
    else if (depth === 1 && kind === 'object' && this.#rootKey === 'headers' && this.#isPerf) this.#beginHeaders(kind);
  }

  #sectionOfKey(): Section {
    if (this.#rootKey === 'traceEvents') return 'chrome';
    return this.#rootKey === 'samples' && this.#isPerf ? 'perf' : undefined;
  }

  #beginEvent(kind: 'object' | 'array'): void {
    const isPerf = this.#section === 'perf';
    this.#build(kind, isPerf ? PERF_EXACT_KEYS : CHROME_EXACT_KEYS, (value) => {
      if (!isObject(value)) return;
      if (isPerf) this.perf.add(value, this.byte);
      else this.chrome.add(value, this.byte);
    });
  }

  #beginHeaders(kind: 'object' | 'array'): void {
    this.#build(kind, new Set(), (value) => {
      if (isObject(value)) this.perf.readHeaders(value);
    });
  }

  #build(kind: 'object' | 'array', exactKeys: ReadonlySet<string>, complete: (value: JsonValue) => void): void {
    this.#builder = new ValueBuilder(exactKeys);
    this.#complete = complete;
    this.#builder.open(kind);
  }

  close(): void {
    this.#depth--;
    if (this.#builder) {
      this.#builder.close();
      this.#finishValue();
    } else if (this.#depth === 1 && !this.isEventArray) this.#section = undefined;
  }

  #finishValue(): void {
    const builder = this.#builder;
    if (!builder?.isComplete || builder.value === undefined) return;
    this.#builder = undefined;
    if (builder.isCut) {
      this.#output.context.diagnostics.report('field-unreadable', { byte: this.byte }, 'oversized event, cut');
    }
    this.#complete(builder.value);
  }

  key(text: string): void {
    if (this.#builder) this.#builder.key(text);
    else if (this.#depth === 1) {
      this.#rootKey = text;
      if (text === 'linux-perf-json-version') this.#isPerf = true;
    }
  }

  beginString(): boolean {
    if (this.#builder || this.#depth !== 1 || this.#rootKey !== 'systemTraceEvents') return false;
    this.#system ??= new SystemTrace(this.#output);
    return true;
  }

  stringPiece(text: string): void {
    this.#system?.write(text);
  }

  endString(): void {
    this.#system?.finish();
  }

  string(text: string): void {
    this.#builder?.scalar(text);
  }

  number(text: string): void {
    this.#builder?.number(text);
  }

  literal(value: boolean | null): void {
    this.#builder?.scalar(value);
  }

  /** Writes what waits, at the end of the text. */
  finish(): void {
    this.chrome.finish(this.byte);
    this.#output.flush();
  }
}
