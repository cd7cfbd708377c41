/** What a fleet gets of a run: collected from a store. */
import { createHash } from 'node:crypto';
import {
  type FleetRun,
  type FleetValue,
  identityOf,
  METRIC_TABLES,
  type MetricTable,
  stableName,
} from '../../schema/index.ts';
import { findingAmount } from '../compare/finding-difference.ts';
import { StoreReader } from '../store/run-reader.ts';
import { readError, StoreError } from '../store/store-error.ts';
import { type Connection, openForReading } from '../store/store-file.ts';
import { type RunOrigin, rootsOfFindings, runOrigin } from './run-origin.ts';

/** Handlers, lock classes, tasks, … that are kept per metric and run. */
const SLOWEST_KEPT = 5;

/** Labels of these kinds are few in the whole fleet; of handlers, tasks and work functions there is no end. */
const DOMAIN_LABELS: readonly string[] = ['flavor', 'domain', 'cause'];

/** What is known of a run from elsewhere, and goes before what the store knows. */
export interface CollectOptions {
  /** Added to the labels of the run. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Number of the run; default: every run. */
  readonly run?: number;
}

/**
 * Runs of a store, one by one.
 * @throws StoreError also when a run was never replayed
 */
export function* collectRuns(path: string, options: CollectOptions = {}): Generator<FleetRun> {
  const db = openForReading(path);
  const reader = new StoreReader(path, db);
  try {
    const ids = options.run === undefined ? reader.runIds() : [options.run];
    if (ids.length === 0) throw new StoreError(`${path}: holds no run`);
    for (const id of ids) yield collectRun(db, reader, id, options.labels ?? {});
  } catch (error) {
    throw readError(path, error);
  } finally {
    reader.close();
  }
}

function collectRun(
  db: Connection,
  reader: StoreReader,
  runId: number,
  extra: Readonly<Record<string, string>>,
): FleetRun {
  const info = reader.runInfo(runId);
  if (!reader.settings(runId).replayed)
    throw new StoreError(
      `${reader.path}: run ${runId} is only stored, never replayed; run: quiesce replay ${reader.path} --run ${runId}`,
    );
  const origin = runOrigin(db, runId);
  const release = info.kernel.release ?? '';
  const labels: Record<string, string> = { ...origin.labels, ...extra };
  labels.kernel ||= release;
  labels.host ||= origin.host;
  const run = runHash(origin, labels);
  const day = origin.ingestedAt.slice(0, 10);
  const week = mondayOf(day);
  const { kernel, host } = labels;
  const labelText = labelsText(labels);
  const findings = reader.findings(runId);
  const roots = rootsOfFindings(db, runId);
  const bySeverity = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  const { histograms, buckets, slowest } = histogramRows(db, runId);
  const who: FleetValue[] = [run, day, kernel, host, labelText];
  return {
    run,
    day,
    name: info.name,
    rows: {
      run: [
        [
          run,
          day,
          week,
          origin.ingestedAt,
          kernel,
          host,
          labelText,
          info.name,
          release,
          origin.tool,
          info.cpus,
          info.events,
          reader.importSummary(runId).lost,
          info.last_ns - info.first_ns,
          bySeverity('error'),
          bySeverity('warning'),
        ],
      ],
      assessment: reader.assessments(runId).map(({ kind, status }) => [...who, kind, status]),
      finding: findings.map((finding, i) => [
        run,
        day,
        week,
        origin.ingestedAt,
        kernel,
        host,
        labelText,
        i + 1,
        finding.id,
        finding.kind,
        finding.severity,
        finding.confidence,
        identityOf(finding),
        roots[i],
        finding.title,
        Math.round(finding.start_ns),
        Math.round(finding.end_ns),
        Math.round(findingAmount(finding)),
      ]),
      histogram: histograms.map((row) => [run, day, week, kernel, host, labelText, ...row]),
      bucket: buckets.map((row) => [run, day, week, kernel, host, ...row]),
      slowest: slowest.map((row) => [...who, ...row]),
    },
  };
}

/** Boots of one recording are runs of their own; the same recording under other labels is another run. */
function runHash(origin: RunOrigin, labels: Readonly<Record<string, string>>): string {
  const text = JSON.stringify([origin.contentHash, origin.boot, Object.entries(labels).sort()]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** `key=value` between line ends, sorted, so that one label is found by text search. Line ends in values become blanks. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const clean = (text: string): string => text.replace(/[\r\n\0]+/g, ' ');
  const lines = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${clean(key)}=${clean(value)}`)
    .sort();
  return `\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** Monday of the week of a day, both as `2026-12-01`. */
export function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, 10);
}

interface HeadRow {
  readonly label: string;
  readonly count: number;
  readonly open_count: number;
  readonly min_ns: number | null;
  readonly max_ns: number | null;
  readonly sum_ns: number;
}

interface HistogramRows {
  readonly histograms: FleetValue[][];
  readonly buckets: FleetValue[][];
  readonly slowest: FleetValue[][];
}

function histogramRows(db: Connection, runId: number): HistogramRows {
  const heads = db.prepare(
    'SELECT label, count, open_count, min_ns, max_ns, sum_ns FROM histogram WHERE run_id = ? AND metric = ? ORDER BY label',
  );
  const counts = db
    .prepare('SELECT label, bucket, count FROM histogram_bucket WHERE run_id = ? AND metric = ? ORDER BY label, bucket')
    .raw();
  const rows: HistogramRows = { histograms: [], buckets: [], slowest: [] };
  for (const table of METRIC_TABLES) {
    const found = heads.all(runId, table.metric) as HeadRow[];
    if (found.length === 0) continue;
    rows.histograms.push(...mergedHeads(table, found));
    rows.buckets.push(
      ...mergedBuckets(table, counts.iterate(runId, table.metric) as Iterable<[string, number, number]>),
    );
    if (!isDomain(table)) rows.slowest.push(...slowestOf(table, found));
  }
  return rows;
}

const isDomain = (table: MetricTable): boolean => DOMAIN_LABELS.includes(table.label);
const fleetLabel = (table: MetricTable, label: string): string => (isDomain(table) ? stableName(label) : '');

function mergedHeads(table: MetricTable, heads: readonly HeadRow[]): FleetValue[][] {
  const merged = new Map<string, { n: number; open: number; min: number | null; max: number | null; sum: number }>();
  for (const { label, count, open_count, min_ns, max_ns, sum_ns } of heads) {
    const key = fleetLabel(table, label);
    const all = merged.get(key) ?? { n: 0, open: 0, min: null, max: null, sum: 0 };
    merged.set(key, {
      n: all.n + count,
      open: all.open + open_count,
      min: smaller(all.min, min_ns, Math.min),
      max: smaller(all.max, max_ns, Math.max),
      sum: all.sum + sum_ns,
    });
  }
  return [...merged].map(([label, { n, open, min, max, sum }]) => [table.metric, label, n, open, min, max, sum]);
}

function smaller(a: number | null, b: number | null, choose: (a: number, b: number) => number): number | null {
  if (a === null) return b;
  return b === null ? a : choose(a, b);
}

function mergedBuckets(table: MetricTable, rows: Iterable<[string, number, number]>): FleetValue[][] {
  const merged = new Map<string, Map<number, number>>();
  for (const [label, bucket, count] of rows) {
    const key = fleetLabel(table, label);
    const counts = merged.get(key) ?? new Map<number, number>();
    merged.set(key, counts);
    counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  }
  return [...merged].flatMap(([label, counts]) =>
    [...counts].sort(([a], [b]) => a - b).map(([bucket, n]) => [table.metric, label, bucket, n]),
  );
}

function slowestOf(table: MetricTable, heads: readonly HeadRow[]): FleetValue[][] {
  return heads
    .filter(({ max_ns }) => max_ns !== null)
    .sort((a, b) => (b.max_ns ?? 0) - (a.max_ns ?? 0) || (a.label < b.label ? -1 : 1))
    .slice(0, SLOWEST_KEPT)
    .map(({ label, count, max_ns, sum_ns }) => [table.metric, label, count, max_ns, sum_ns]);
}
