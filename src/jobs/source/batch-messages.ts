/** Batches between threads: columns are handed over, not copied. */
import { CaptureError, EventBatch, type KernelProfile } from '../../../schema/index.ts';
import type { CaptureInput } from '../../ingest/capture.ts';
import type { CaptureSummary, ReadProgress } from '../../ingest/run-stream.ts';
import type { EventSelection } from '../../ingest/selection.ts';
import { StoreError } from '../../store/store-error.ts';

/** What a worker is asked to do. */
export type WorkerTask =
  | {
      readonly kind: 'captures';
      readonly inputs: readonly CaptureInput[];
      readonly kallsymsPath: string | undefined;
      readonly selection: EventSelection | undefined;
      /** Also encode the pages that the store keeps. */
      readonly pages: boolean;
    }
  | { readonly kind: 'store'; readonly path: string; readonly runId: number };

export type FromWorker =
  | {
      readonly kind: 'batch';
      readonly batch: EventBatch;
      readonly page: Uint8Array | undefined;
      readonly progress: ReadProgress;
      /** With the first batch. */
      readonly header: KernelProfile | undefined;
    }
  | { readonly kind: 'end'; readonly header: KernelProfile; readonly summary: CaptureSummary | undefined }
  | { readonly kind: 'error'; readonly name: string; readonly message: string; readonly stack: string | undefined };

/** Batches on their way at once: enough to ride out a pause of either side, few enough to be small (0.6 MB each). */
export const WINDOW = 6;

/**
 * To the worker: so many batches have been used up. Half a window at a time, because each message wakes the worker: with one message per
 * batch the reader spent a tenth of its time in postMessage where the worker is the faster of the two.
 */
export const USED_UP = WINDOW / 2;

/** The memory of a batch, for the transfer list of postMessage; the batch is empty afterwards. */
export function batchMemory(batch: EventBatch): ArrayBuffer[] {
  const { tsNs, cpu, tid, comm, type, flags, stack, cellEnd, cellTag, cellValue, wide } = batch;
  return [tsNs, cpu, tid, comm, type, flags, stack, cellEnd, cellTag, cellValue, wide].map(
    (column) => column.buffer as ArrayBuffer,
  );
}

/** A batch that came through postMessage, as the class that it was. */
export function revived(plain: EventBatch): EventBatch {
  return Object.assign(new EventBatch(0, 0), plain);
}

/** An error of another thread, of the class that it had there as far as that matters. */
export function errorOf(message: {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}): Error {
  if (message.name === 'CaptureError') return new CaptureError(message.message);
  if (message.name === 'StoreError') return new StoreError(message.message);
  const error = new Error(message.message);
  if (message.stack !== undefined) error.stack = message.stack;
  return error;
}
