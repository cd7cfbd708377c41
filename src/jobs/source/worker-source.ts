/** Reads captures or a store in a worker thread, so that parsing runs beside storing and replay. */
import type { Worker } from 'node:worker_threads';
import type { KernelProfile } from '../../../schema/index.ts';
import type { CaptureSummary, ReadProgress } from '../../ingest/run-stream.ts';
import { errorOf, type FromWorker, revived, USED_UP, type WorkerTask } from './batch-messages.ts';
import type { BatchSource, SourcedBatch } from './batch-source.ts';
import { startThread } from './thread.ts';

export class WorkerSource implements BatchSource {
  readonly #worker: Worker;
  readonly #queue: FromWorker[] = [];
  #onMessage: (() => void) | undefined;
  #header: KernelProfile = {};
  #summary: CaptureSummary | undefined;
  #progress: ReadProgress = { readBytes: 0, totalBytes: undefined };
  #used = 0;

  constructor(task: WorkerTask) {
    this.#worker = startThread('worker', task);
    const receive = (message: FromWorker): void => {
      this.#queue.push(message);
      this.#onMessage?.();
    };
    this.#worker.on('message', receive);
    this.#worker.on('error', ({ name, message, stack }) => receive({ kind: 'error', name, message, stack }));
    this.#worker.on('exit', () =>
      receive({ kind: 'error', name: 'Error', message: 'the worker thread ended early', stack: undefined }),
    );
  }

  async *batches(): AsyncGenerator<SourcedBatch> {
    for (;;) {
      const message = await this.#next();
      if (message.kind === 'error') throw errorOf(message);
      if (message.header) this.#header = message.header;
      if (message.kind === 'end') {
        this.#summary = message.summary;
        return;
      }
      this.#progress = message.progress;
      const batch = revived(message.batch);
      yield message.page ? { batch, page: message.page } : { batch };
      if (++this.#used % USED_UP === 0) this.#worker.postMessage(USED_UP);
    }
  }

  async #next(): Promise<FromWorker> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#onMessage = resolve;
      });
    }
  }

  headerProfile(): KernelProfile {
    return this.#header;
  }

  progress(): ReadProgress {
    return this.#progress;
  }

  summary(): CaptureSummary {
    if (this.#summary === undefined) throw new Error('the captures have not been read to their end');
    return this.#summary;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
