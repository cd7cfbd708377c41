/** The store of an ingest. In the same thread here; in a thread of its own in store-worker-target.ts. */
import type { FactBatch } from '../../store/facts/fact-recorder.ts';
import { DEFAULT_ROWS, type RowChoice } from '../../store/rows/row-choice.ts';
import type { Kept, RunResults, RunSummary } from '../../store/run-summary.ts';
import { nextRunId, RunWriter } from '../../store/run-writer.ts';
import { openForWriting, type WaitOptions, type WritableStore, whenUnlocked } from '../../store/store-file.ts';
import type { SourcedBatch } from '../source/batch-source.ts';
import type { RunSink } from './run-sink.ts';

/** Runs are begun, filled and finished one after another; all of them become visible with `commit`, or none. */
export interface StoreTarget {
  /** @throws StoreError when the store cannot be opened */
  begin(): Promise<RunSink>;
  /** Resolves when there is room for another batch; undefined when there is. Rejects with what went wrong since. */
  room(): Promise<void> | undefined;
  /** What is known of a finished run as a whole. @param index of the run among those begun */
  describe(index: number, summary: RunSummary): void;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export class LocalStoreTarget implements StoreTarget {
  readonly #path: string;
  readonly #largeInput: boolean;
  readonly #wait: WaitOptions;
  readonly #kept: Kept;
  readonly #rows: RowChoice;
  readonly #writers: RunWriter[] = [];
  #store: WritableStore | undefined;

  constructor(path: string, largeInput: boolean, wait: WaitOptions = {}, kept: Kept = 'all', rows = DEFAULT_ROWS) {
    this.#kept = kept;
    this.#rows = rows;
    this.#path = path;
    this.#largeInput = largeInput;
    this.#wait = wait;
  }

  async begin(): Promise<RunSink> {
    // Opened with the first batch: a capture that cannot be read leaves no file behind.
    this.#store ??= await whenUnlocked(this.#path, this.#wait, () => openForWriting(this.#path, this.#largeInput));
    const { db } = this.#store;
    const writer = new RunWriter(db, nextRunId(db) + this.#writers.length, this.#kept, this.#rows);
    this.#writers.push(writer);
    return {
      runId: writer.runId,
      append: ({ batch, page }: SourcedBatch) => writer.append(batch, page),
      appendFacts: (batch: FactBatch) => writer.appendFacts(batch),
      appendSnapshot: (event, tsNs, body) => writer.appendSnapshot(event, tsNs, body),
      finish: (results: RunResults | undefined) => writer.finish(results),
    };
  }

  room(): undefined {
    return undefined;
  }

  describe(index: number, summary: RunSummary): void {
    this.#writers[index].describe(summary);
  }

  async commit(): Promise<void> {
    const store = this.#store;
    if (store) await whenUnlocked(this.#path, this.#wait, () => store.commit());
  }

  async abort(): Promise<void> {
    this.#store?.abort();
  }
}
