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

/** A run of a store, as far as its row and its counts tell. */
export interface StoredRun {
  readonly run_id: number;
  readonly name: string;
  readonly boot: number;
  readonly labels: Readonly<Record<string, string>>;
  /** UTC, ISO 8601. */
  readonly ingested_at: string;
  readonly tool_version: string;
  readonly kept: 'all' | 'metrics' | 'findings';
  /** False: stored, never replayed. */
  readonly replayed: boolean;
  readonly host: string | null;
  /** Kernel release. */
  readonly release: string | null;
  readonly content_hash: string | null;
  readonly cpus: number;
  readonly events: number;
  readonly lost: number;
  readonly span_ns: number;
  readonly findings: { readonly error: number; readonly warning: number; readonly info: number };
  /** The worst root cause; null: none. */
  readonly title: string | null;
}

/** `quiesce runs … --json`, schema `quiesce.runs/1`: the runs listed, changed, removed or brought in. */
export interface RunsResult {
  readonly schema: 'quiesce.runs/1';
  readonly db: string;
  readonly runs: readonly StoredRun[];
}
