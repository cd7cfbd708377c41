/** Where the batches of a replay come from: captures or a store, in this thread or in a worker. */
import type { EventBatch, KernelProfile } from '../../../schema/index.ts';
import type { CaptureSummary, ReadProgress } from '../../ingest/run-stream.ts';

export interface SourcedBatch {
  readonly batch: EventBatch;
  /** The batch as the store keeps it, when it was encoded beside the parser. */
  readonly page?: Uint8Array;
}

export interface BatchSource {
  /** In time order, boot by boot. May be called once. */
  batches(): AsyncIterable<SourcedBatch>;
  /** Kernel profile as the captures had stated it when the first batch came. */
  headerProfile(): KernelProfile;
  progress(): ReadProgress;
  /** Complete when the batches have ended. */
  summary(): CaptureSummary;
  close(): Promise<void>;
}
