/**
 * Where one of several traces of a run ends while others go on. What it alone recorded is silent from there on, and silence of a recorder is no silence of
 * the kernel: a `quiesce_end` marker tells the models which events come to their end, so that nothing stays open for as long as the longest trace lasts.
 */
import type { DictionaryWriter } from '../../parsers/index.ts';
import { BatchWriter, EventBatch, NO_CPU, NO_TID } from '../../schema/index.ts';

/** What one of several traces recorded. */
export interface RecordedPart {
  /** Names of its events. */
  readonly events: readonly string[];
  /** Time of the first record of each CPU. */
  readonly cpus: readonly (readonly [cpu: number, firstNs: number])[];
  readonly lastNs: number;
}

export class RecordingEnd {
  readonly #dictionary: DictionaryWriter;
  /** 1 by type id: the trace has events of it. */
  #seen = new Uint8Array(256);
  readonly #cpus = new Map<number, number>();
  #boot = 0;
  #firstNs = Number.NaN;
  #lastNs = Number.NaN;
  /** The trace has no further record. */
  ended = false;

  constructor(dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
  }

  /** Takes a batch of the trace, in time order. */
  append({ type, cpu, length, tsNs, boot }: EventBatch): void {
    if (length === 0) return;
    if (Number.isNaN(this.#firstNs)) this.#firstNs = tsNs[0];
    let last = NO_CPU;
    for (let i = 0; i < length; i++) {
      if (cpu[i] === last) continue;
      last = cpu[i];
      if (last !== NO_CPU && !this.#cpus.has(last)) this.#cpus.set(last, tsNs[i]);
    }
    for (let i = 0; i < length; i++) {
      if (type[i] >= this.#seen.length) {
        const grown = new Uint8Array(Math.max(type[i] + 1, this.#seen.length * 2));
        grown.set(this.#seen);
        this.#seen = grown;
      }
      this.#seen[type[i]] = 1;
    }
    this.#boot = boot;
    this.#lastNs = tsNs[length - 1];
  }

  /** Names of the events of the trace, markers of ours left out. */
  get names(): string[] {
    const names = new Set<string>();
    this.#seen.forEach((seen, typeId) => {
      if (seen === 0) return;
      const { name, shape } = this.#dictionary.type(typeId);
      if (shape !== 'marker') names.add(name);
    });
    return [...names].sort();
  }

  get part(): RecordedPart | undefined {
    if (Number.isNaN(this.#lastNs)) return undefined;
    return { events: this.names, cpus: [...this.#cpus], lastNs: this.#lastNs };
  }

  /** Whether the other trace, which has not ended, goes on with events of this one. */
  #isContinuedBy(other: RecordingEnd): boolean {
    if (other.ended || !(other.#firstNs <= this.#lastNs)) return false;
    return this.#seen.some((seen, typeId) => seen === 1 && other.#seen[typeId] === 1);
  }

  /** Whether another trace begins only after this one, and none fills the time between them. */
  #leavesGap(others: readonly RecordingEnd[]): boolean {
    return (
      others.some((other) => !other.ended && other.#firstNs > this.#lastNs) &&
      !others.some((other) => this.#isContinuedBy(other))
    );
  }

  /**
   * The marker after the last record; undefined for a trace without any.
   * @param others traces of the run, of which the first records have been read
   */
  marker(others: readonly RecordingEnd[]): EventBatch | undefined {
    this.ended = true;
    if (Number.isNaN(this.#lastNs)) return undefined;
    const batch = new EventBatch(1);
    batch.boot = this.#boot;
    const writer = new BatchWriter(batch);
    const { typeId } = this.#dictionary.eventType('quiesce_end', 'marker', 'quiesce', []);
    writer.begin(this.#lastNs, NO_CPU, NO_TID, 0, typeId, 0, 0);
    writer.text(this.names.join(' '));
    writer.int(this.#leavesGap(others) ? 1 : 0);
    writer.end();
    batch.delta = this.#dictionary.takeDelta();
    return batch;
  }
}
