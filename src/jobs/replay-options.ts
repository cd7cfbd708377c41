/** Options of the jobs. */
import type { KernelProfile, Thresholds } from '../../schema/index.ts';
import type { ReadProgress } from '../ingest/run-stream.ts';
import type { EventSelection } from '../ingest/selection.ts';
import type { ReplayedRun } from '../replay/what-if/judge.ts';
import type { RowChoice } from '../store/rows/row-choice.ts';
import type { Kept } from '../store/run-summary.ts';

/** A store that keeps nothing. */
export const IN_MEMORY = ':memory:';

/** For a progress bar. Of a store, `readBytes` and `totalBytes` count events. */
export interface ReplayProgress extends ReadProgress {
  readonly events: number;
}

/** Of captures and of stored runs. */
export interface CommonOptions {
  /** What is known of the kernel; evidence from the captures does not change it. Of a stored run: in addition to what was given with it. */
  readonly profile?: KernelProfile;
  readonly thresholds?: Partial<Thresholds>;
  readonly onProgress?: (progress: ReplayProgress) => void;
  readonly signal?: AbortSignal;
  /** Longest wait for another process that writes to the store, ms; 0: not at all. Default: as long as it takes. */
  readonly waitMs?: number;
  /** Called once when that wait begins. */
  readonly onWait?: (path: string) => void;
  /**
   * Called when the store cannot be written. The replay goes on and its result is returned, with `db` null. Without it the replay ends
   * with that StoreError.
   */
  readonly onStoreError?: (error: Error) => void;
}

/** Of captures only. */
export interface CaptureOptions {
  /** Store to append the run to; `:memory:` (the default) keeps nothing. */
  readonly db?: string;
  /** Name of the run; default: that of the first capture. */
  readonly name?: string;
  /** What the user knows of the run: kernel, commit, job, url, …; `host` is the machine where no capture names it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What the store keeps of the run; default: all. */
  readonly keep?: Kept;
  /**
   * When events become rows that SQL reads. `later` (the default): when a statement first asks for their kind, or by {@link fillRows}; pages
   * hold them from the start. `now`: at once.
   */
  readonly rows?: RowChoice;
  /** Time of the ingest, UTC in ISO 8601; default: SOURCE_DATE_EPOCH (seconds) of the environment, else now. */
  readonly ingestedAt?: string;
  /** /proc/kallsyms or System.map of the recorded kernel, for captures without symbols. */
  readonly kallsymsPath?: string;
  /** What is read of the captures; default: everything. */
  readonly selection?: EventSelection;
  /**
   * 1: everything in the calling thread · 2: the parser in one of its own · 3: the store too. Default: 3 for large captures, 1 for small
   * ones; always 1 when the code does not run compiled.
   */
  readonly threads?: 1 | 2 | 3;
}

export interface ReplayOptions extends CommonOptions, CaptureOptions {
  /** Captures that are not of one boot: a run each. */
  readonly separate?: boolean;
  /** Which run of a store; default: the latest. */
  readonly run?: number;
}

export interface IngestOptions extends CommonOptions, CaptureOptions {
  /** Captures that are not of one boot: a run each. */
  readonly separate?: boolean;
  readonly db: string;
}

/** Of captures, as the jobs here ask each other. */
export interface ReplayCapturesOptions extends CommonOptions, CaptureOptions {
  /** False: only store. */
  readonly replay?: boolean;
  /** Gets the models of each boot once it is judged. */
  readonly onReplayed?: (run: ReplayedRun) => void;
}
