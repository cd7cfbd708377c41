/** Shapes of `--json` answers of the verbs for many runs. Changing one is a new schema number. */

/** What became of one item of a batch. */
export interface BatchRun {
  /** Folder, or folder and file. */
  readonly name: string;
  /** `stored` · `present`: the store had these bytes already · `failed`: see `error`. */
  readonly outcome: 'stored' | 'present' | 'failed';
  /** Numbers in the store, a run per boot; of `present`, those that were there. */
  readonly runs: readonly number[];
  readonly error?: string;
  /** Of `stored`. */
  readonly events?: number;
  readonly lost?: number;
  readonly span_ns?: number;
  readonly findings?: { readonly error: number; readonly warning: number; readonly info: number };
  /** The worst root cause. */
  readonly title?: string;
}

/** `quiesce batch --json`, schema `quiesce.batch/1`. */
export interface BatchResult {
  readonly schema: 'quiesce.batch/1';
  readonly db: string;
  readonly stored: number;
  readonly present: number;
  readonly failed: number;
  /** In the order in which they ended. */
  readonly items: readonly BatchRun[];
}
