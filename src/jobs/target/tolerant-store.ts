/** A store that may fail without ending the replay: what was found is worth more than its copy on a disk that is full. */

import type { RunSummary } from '../../store/run-summary.ts';
import { StoreError, storeError } from '../../store/store-error.ts';
import type { RunSink } from './run-sink.ts';
import type { StoreTarget } from './store-target.ts';

/** Passes everything on until something fails; then nothing any more. */
export class TolerantStoreTarget implements StoreTarget {
  readonly #path: string;
  readonly #onError: (error: StoreError) => void;
  #inner: StoreTarget | undefined;
  #aborted: Promise<void> | undefined;

  /** @param onError called once */
  constructor(path: string, inner: StoreTarget, onError: (error: StoreError) => void) {
    this.#path = path;
    this.#inner = inner;
    this.#onError = onError;
  }

  /** Nothing has failed. */
  get keeps(): boolean {
    return this.#inner !== undefined;
  }

  async begin(): Promise<RunSink> {
    let sink: RunSink | undefined;
    await this.#tried(async (inner) => {
      sink = await inner.begin();
    });
    return guardedSink(
      sink,
      () => this.keeps,
      (error) => this.#drop(error),
    );
  }

  room(): Promise<void> | undefined {
    const room = this.#inner?.room();
    return room?.catch((error: unknown) => this.#drop(error));
  }

  describe(index: number, summary: RunSummary): void {
    try {
      this.#inner?.describe(index, summary);
    } catch (error) {
      this.#drop(error);
    }
  }

  async commit(): Promise<void> {
    await this.#tried((inner) => inner.commit());
    await this.#aborted;
  }

  async abort(): Promise<void> {
    await this.#inner?.abort();
    await this.#aborted;
  }

  async #tried(action: (inner: StoreTarget) => Promise<void>): Promise<void> {
    if (this.#inner === undefined) return;
    try {
      await action(this.#inner);
    } catch (error) {
      this.#drop(error);
    }
  }

  /** @throws what is no fault of the store */
  #drop(error: unknown): void {
    const known = storeError(this.#path, error);
    if (!(known instanceof StoreError)) throw known;
    if (this.#inner === undefined) return;
    this.#aborted = this.#inner.abort();
    this.#inner = undefined;
    this.#onError(known);
  }
}

/** @param failed gets what the sink throws; nothing is passed on when `keeps` says no */
export function guardedSink(
  sink: RunSink | undefined,
  keeps: () => boolean,
  failed: (error: unknown) => void,
): RunSink {
  const pass = (action: (sink: RunSink) => void): void => {
    if (sink === undefined || !keeps()) return;
    try {
      action(sink);
    } catch (error) {
      failed(error);
    }
  };
  return {
    get runId() {
      return keeps() ? sink?.runId : undefined;
    },
    append: (sourced) => pass((to) => to.append?.(sourced)),
    appendFacts: (batch) => pass((to) => to.appendFacts(batch)),
    appendSnapshot: (event, tsNs, body) => pass((to) => to.appendSnapshot(event, tsNs, body)),
    finish: (results, outcome) => pass((to) => to.finish(results, outcome)),
  };
}
