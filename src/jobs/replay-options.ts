/** What a replay of captures is asked to do. */
import type { KernelProfile, Thresholds } from '../../schema/index.ts';
import type { ReadProgress } from '../ingest/run-stream.ts';
import type { ReplayedRun } from '../replay/what-if/judge.ts';

/** A store that keeps nothing. */
export const IN_MEMORY = ':memory:';

export interface ReplayProgress extends ReadProgress {
  readonly events: number;
}

export interface ReplayCapturesOptions {
  /** Store to append the run to; `:memory:` (the default) keeps nothing. */
  readonly db?: string;
  /** Name of the run; default: that of the first capture. */
  readonly name?: string;
  /** What is known of the kernel; evidence from the captures does not change it. */
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  /** /proc/kallsyms or System.map of the recorded kernel, for captures without symbols. */
  readonly kallsymsPath?: string;
  /** False: only store. */
  readonly replay?: boolean;
  /**
   * 1: everything in the calling thread · 2: the parser in one of its own · 3: the store too. Default: 3 for large captures, 2 for small
   * ones; always 1 when the code does not run compiled.
   */
  readonly threads?: 1 | 2 | 3;
  /** Gets the models of each boot once it is judged. */
  readonly onReplayed?: (run: ReplayedRun) => void;
  readonly onProgress?: (progress: ReplayProgress) => void;
  readonly signal?: AbortSignal;
}
