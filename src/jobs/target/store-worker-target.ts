/** Stores in a thread of its own, so that SQLite works beside parser and models. */
import type { Worker } from 'node:worker_threads';
import type { FactBatch } from '../../store/facts/fact-recorder.ts';
import type { RunSummary } from '../../store/run-summary.ts';
import type { WaitOptions } from '../../store/store-file.ts';
import { batchMemory, errorOf, WINDOW } from '../source/batch-messages.ts';
import { startThread } from '../source/thread.ts';
import type { RunSink } from './run-sink.ts';
import type { FromStore, StoreTask, ToStore } from './store-messages.ts';
import type { StoreTarget } from './store-target.ts';

export class WorkerStoreTarget implements StoreTarget {
  readonly #worker: Worker;
  readonly #wait: WaitOptions;
  readonly #path: string;
  #inFlight = 0;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  #runId: number | undefined;
  #ended = false;
  #aborting = false;

  constructor(task: StoreTask, wait: WaitOptions = {}) {
    this.#wait = wait;
    this.#path = task.path;
    wait.signal?.addEventListener('abort', () => this.#wake?.(), { once: true });
    this.#worker = startThread('store-worker', task);
    this.#worker.on('message', (message: FromStore) => this.#receive(message));
    this.#worker.on('error', ({ name, message, stack }) => this.#receive({ kind: 'error', name, message, stack }));
    this.#worker.on('exit', () => {
      if (!this.#ended)
        this.#receive({ kind: 'error', name: 'Error', message: 'the storing thread ended early', stack: undefined });
    });
  }

  #receive(message: FromStore): void {
    if (message.kind === 'begun') this.#runId = message.runId;
    else if (message.kind === 'stored') this.#inFlight--;
    else if (message.kind === 'ended') this.#ended = true;
    else if (message.kind === 'waiting') this.#wait.onWait?.(this.#path);
    else this.#error ??= errorOf(message);
    this.#wake?.();
  }

  #post(message: ToStore, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Waits for messages until the condition holds. */
  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#error) throw this.#error;
      if (condition()) return;
      // The thread may wait for another process; nobody waits for it then.
      if (!this.#aborting) this.#wait.signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async begin(): Promise<RunSink> {
    this.#runId = undefined;
    this.#post({ kind: 'begin' });
    await this.#until(() => this.#runId !== undefined);
    return {
      runId: this.#runId ?? 0,
      append: ({ batch, page }) => {
        this.#inFlight++;
        const memory = batchMemory(batch);
        if (page) memory.push(page.buffer as ArrayBuffer);
        this.#post({ kind: 'batch', batch, page }, memory);
      },
      appendFacts: (batch: FactBatch) => this.#post({ kind: 'facts', batch }, [batch.values.buffer as ArrayBuffer]),
      appendSnapshot: (event, tsNs, body) => this.#post({ kind: 'snapshot', event, tsNs, body }),
      finish: (results) => this.#post({ kind: 'finish', results }),
    };
  }

  room(): Promise<void> | undefined {
    return this.#inFlight < WINDOW && !this.#error ? undefined : this.#until(() => this.#inFlight < WINDOW);
  }

  describe(index: number, summary: RunSummary): void {
    this.#post({ kind: 'describe', index, summary });
  }

  async commit(): Promise<void> {
    this.#post({ kind: 'commit' });
    await this.#until(() => this.#ended);
    await this.#worker.terminate();
  }

  async abort(): Promise<void> {
    this.#aborting = true;
    this.#error = undefined;
    if (this.#runId === undefined) {
      // It has not got the store.
      this.#ended = true;
      await this.#worker.terminate();
      return;
    }
    this.#post({ kind: 'abort' });
    try {
      await this.#until(() => this.#ended);
    } catch {
      // The thread is gone; its journal is applied when the file is next opened.
    }
    await this.#worker.terminate();
  }
}
