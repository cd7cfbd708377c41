/** Where one run goes while it is read: its events and facts, then its results. */
import type { ReplayOutcome } from '../../replay/engine.ts';
import type { FactBatch } from '../../store/facts/fact-recorder.ts';
import type { RunResults } from '../../store/run-summary.ts';
import type { SourcedBatch } from '../source/batch-source.ts';

/** Where a session's events and facts go. */
export interface RunSink {
  /** Undefined once nothing is kept. */
  readonly runId: number | undefined;
  append?(sourced: SourcedBatch): void;
  appendFacts(batch: FactBatch): void;
  /** @param body of encodeSnapshot */
  appendSnapshot(event: number, tsNs: number, body: Uint8Array): void;
  finish(results: RunResults | undefined, outcome: ReplayOutcome | undefined): void;
}
