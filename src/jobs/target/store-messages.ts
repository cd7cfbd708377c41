/** What an ingest tells the thread that stores, and what it answers. */
import type { EventBatch } from '../../../schema/index.ts';
import type { FactBatch } from '../../store/facts/fact-recorder.ts';
import type { RowChoice } from '../../store/rows/row-choice.ts';
import type { Kept, RunResults, RunSummary } from '../../store/run-summary.ts';

export type ToStore =
  | { readonly kind: 'begin' }
  | { readonly kind: 'batch'; readonly batch: EventBatch; readonly page: Uint8Array | undefined }
  | { readonly kind: 'facts'; readonly batch: FactBatch }
  | { readonly kind: 'snapshot'; readonly event: number; readonly tsNs: number; readonly body: Uint8Array }
  | { readonly kind: 'finish'; readonly results: RunResults | undefined }
  | { readonly kind: 'describe'; readonly index: number; readonly summary: RunSummary }
  | { readonly kind: 'commit' }
  | { readonly kind: 'abort' };

export type FromStore =
  /** Answer to `begin`. */
  | { readonly kind: 'begun'; readonly runId: number }
  /** A batch has been stored. */
  | { readonly kind: 'stored' }
  /** Another process has the store; said once. */
  | { readonly kind: 'waiting' }
  /** Answer to `commit` and `abort`. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'error'; readonly name: string; readonly message: string; readonly stack: string | undefined };

export interface StoreTask {
  readonly path: string;
  readonly largeInput: boolean;
  readonly kept: Kept;
  readonly rows: RowChoice;
  /** Longest wait for another writer, ms. Default: as long as it takes. */
  readonly waitMs?: number;
}
