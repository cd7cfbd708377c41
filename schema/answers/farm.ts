/** Shapes of `--json` answers of the verbs for many runs. Changing one is a new schema number. */
import type { Severity } from '../findings.ts';

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

/** A label that goes with a finding: runs that have it show the finding more often than the others. */
export interface LabelCorrelation {
  /** Key of a label; `host`, `release` and `tool_version` are those of the run. */
  readonly key: string;
  readonly value: string;
  /** Runs with the label, and those of them that show the finding. */
  readonly runs: number;
  readonly runs_with: number;
  /** The same of the runs without it. */
  readonly other_runs: number;
  readonly other_with: number;
  /** Fisher's exact test, one side. */
  readonly p_value: number;
}

/** One problem over many runs. */
export interface FindingAcross {
  /** The same for the same problem, whatever the boot. */
  readonly identity: string;
  readonly kind: string;
  /** The worst that it had. */
  readonly severity: Severity;
  /** As in the latest run that shows it. */
  readonly title: string;
  /** Runs that show it, and findings of it in them. */
  readonly runs: number;
  readonly count: number;
  /** Runs that could have shown it: the kind was assessed, or it was found. */
  readonly assessed_runs: number;
  readonly first_run: number;
  readonly first_seen: string;
  readonly last_run: number;
  readonly last_seen: string;
  /** The most telling first. */
  readonly labels: readonly LabelCorrelation[];
}

/** `quiesce findings --json`, schema `quiesce.findings/1`. */
export interface AcrossResult {
  readonly schema: 'quiesce.findings/1';
  readonly db: string;
  /** `root`: by root cause · `finding`: each finding by itself. */
  readonly by: 'root' | 'finding';
  /** Runs looked at. */
  readonly runs: number;
  /** Errors first, then by the number of runs. */
  readonly findings: readonly FindingAcross[];
}
