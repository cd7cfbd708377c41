/** Histograms of a metric: the stored ones, or counted anew from the facts when they are grouped differently. */
import { type KernelProfile, METRIC_TABLES, type MetricTable, RequestError } from '../../schema/index.ts';
import { LogLinearHistogram } from '../histogram/log-linear.ts';
import { readError } from '../store/store-error.ts';
import { type Connection, openForReading } from '../store/store-file.ts';
import { parsedProfile } from '../store/stored-values.ts';

export interface LabelledHistogram {
  /** Value of the grouping column; '' when not grouped. */
  readonly label: string;
  readonly histogram: LogLinearHistogram;
}

export interface MetricHistograms {
  readonly metric: string;
  readonly title: string;
  /** Column that it is grouped by. */
  readonly by: string | undefined;
  /** Largest first. */
  readonly histograms: readonly LabelledHistogram[];
  /** Of its values. */
  readonly timeUnit?: KernelProfile['timeUnit'];
}

export interface HistogramRequest {
  readonly metric: string;
  /** Grouping column; undefined: everything in one histogram. */
  readonly by?: string;
  /** Default: the latest run; `all` adds the runs up. */
  readonly run?: number | 'all';
}

/** The metric, grouping or run does not exist. `message` says which do. */
export class MetricError extends RequestError {
  override readonly name = 'MetricError';
}

/** Groupings as people name them, and the columns that they may mean. */
const GROUPINGS: Readonly<Record<string, readonly string[]>> = {
  task: ['comm', 'tid'],
  class: ['lock'],
  handler: ['name'],
  domain: ['domain', 'flavor'],
  run: ['run_id'],
};

/** @throws MetricError */
export function metricTable(metric: string): MetricTable {
  const table = METRIC_TABLES.find((candidate) => candidate.metric === metric);
  if (table) return table;
  throw new MetricError(
    `unknown metric '${metric}'; metrics: ${METRIC_TABLES.map((known) => known.metric).join(', ')}`,
  );
}

/** Groupings that a metric has: its columns, and the names of {@link GROUPINGS} that stand for one of them. */
export function groupingsOf(table: MetricTable): string[] {
  const columns = [table.label, ...table.columns];
  const named = Object.keys(GROUPINGS).filter(
    (name) => !columns.includes(name) && GROUPINGS[name].some((column) => columns.includes(column)),
  );
  return [...columns, ...named];
}

/** Column that a grouping means. @throws MetricError */
export function groupingColumn(table: MetricTable, by: string): string {
  const columns = [table.label, ...table.columns];
  const column = [by, ...(GROUPINGS[by] ?? [])].find((candidate) => columns.includes(candidate));
  if (column !== undefined) return column;
  throw new MetricError(`${table.metric} cannot be grouped by '${by}'; columns: ${groupingsOf(table).join(', ')}`);
}

/** @throws MetricError, StoreError */
export function metricHistograms(path: string, request: HistogramRequest): MetricHistograms {
  const table = metricTable(request.metric);
  const by = request.by === undefined ? undefined : groupingColumn(table, request.by);
  const db = openForReading(path);
  try {
    const runs = selectedRuns(db, path, by === 'run_id' ? 'all' : request.run);
    const found =
      by === undefined || by === table.label ? stored(db, table, runs, by !== undefined) : counted(db, table, runs, by);
    const histograms = [...found]
      .map(([label, histogram]) => ({ label, histogram }))
      .sort((a, b) => b.histogram.count - a.histogram.count || (a.label < b.label ? -1 : 1));
    return { metric: table.metric, title: table.title, by, histograms, timeUnit: timeUnitOf(db, runs) };
  } catch (error) {
    throw readError(path, error);
  } finally {
    db.close();
  }
}

/** @throws MetricError */
export function selectedRuns(db: Connection, path: string, run: number | 'all' | undefined): number[] {
  const all = db.prepare('SELECT run_id FROM run ORDER BY run_id').pluck().all() as number[];
  if (all.length === 0) throw new MetricError(`${path}: holds no run`);
  if (run === 'all') return all;
  if (run === undefined) return all.slice(-1);
  if (!all.includes(run))
    throw new MetricError(`${path}: has no run ${run}; it has ${all[0]} to ${all[all.length - 1]}`);
  return [run];
}

/** `ticks` where nothing proves how long a tick of the trace clock is. */
export function timeUnitOf(db: Connection, runs: readonly number[]): KernelProfile['timeUnit'] {
  const kernel = db.prepare('SELECT kernel FROM run WHERE run_id = ?').pluck();
  return runs.map((run) => parsedProfile(kernel.get(run)).timeUnit).find((unit) => unit);
}

type Histograms = Map<string, LogLinearHistogram>;

function at(histograms: Histograms, label: string): LogLinearHistogram {
  let histogram = histograms.get(label);
  if (histogram === undefined) {
    histogram = new LogLinearHistogram();
    histograms.set(label, histogram);
  }
  return histogram;
}

function stored(db: Connection, table: MetricTable, runs: readonly number[], grouped: boolean): Histograms {
  const histograms: Histograms = new Map();
  const heads = db.prepare(
    'SELECT label, open_count, min_ns, max_ns, sum_ns FROM histogram WHERE run_id = ? AND metric = ?',
  );
  const buckets = db.prepare(
    'SELECT label, bucket, count FROM histogram_bucket WHERE run_id = ? AND metric = ? ORDER BY label, bucket',
  );
  for (const run of runs) {
    for (const row of heads.iterate(run, table.metric)) {
      const head = row as {
        label: string;
        open_count: number;
        min_ns: number | null;
        max_ns: number | null;
        sum_ns: number;
      };
      const histogram = at(histograms, grouped ? head.label : '');
      histogram.openCount += head.open_count;
      histogram.sum += head.sum_ns;
      if (head.min_ns !== null) histogram.min = Math.min(histogram.min, head.min_ns);
      if (head.max_ns !== null) histogram.max = Math.max(histogram.max, head.max_ns);
    }
    for (const row of buckets.iterate(run, table.metric)) {
      const { label, bucket, count } = row as { label: string; bucket: number; count: number };
      at(histograms, grouped ? label : '').addBucket(bucket, count);
    }
  }
  return histograms;
}

function counted(db: Connection, table: MetricTable, runs: readonly number[], by: string): Histograms {
  const histograms: Histograms = new Map();
  const rows = db
    .prepare(
      `SELECT coalesce(CAST(f."${by}" AS TEXT), '') AS label, ${table.end} - ${table.start} AS value
       FROM ${table.from} AS f WHERE f.run_id = ? AND ${table.where}`,
    )
    .raw();
  for (const run of runs)
    for (const row of rows.iterate(run)) {
      const [label, value] = row as [string, number | null];
      const histogram = at(histograms, label);
      if (value === null) histogram.openCount++;
      else histogram.add(value);
    }
  return histograms;
}
