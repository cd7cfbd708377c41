/** What a comparison needs to know of one run: samples of its metrics, and its findings. From a store, or from a baseline file. */
import { type ComparedRun, type Finding, isLowerBound, METRIC_TABLES } from '../../schema/index.ts';
import { metricSamples } from '../query/metric-samples.ts';
import { StoreReader } from '../store/run-reader.ts';
import { readError, StoreError } from '../store/store-error.ts';
import { type Connection, openForReading } from '../store/store-file.ts';
import { BlockCollector, type BlockedSamples } from './sample-blocks.ts';

/** Samples of a metric, or of one label of it. */
export interface RecordedMetric {
  readonly metric: string;
  readonly label: string | undefined;
  readonly samples: BlockedSamples;
}

export interface RunRecord extends ComparedRun {
  /** Durations are multiples of this. */
  readonly resolutionNs: number;
  readonly systems: readonly string[];
  readonly metrics: readonly RecordedMetric[];
  readonly findings: readonly Finding[];
}

export interface ReadOptions {
  /** Metrics to read; default: all. */
  readonly metrics?: readonly string[];
  /** Tell the labels of each metric apart: handlers, lock classes, domains, tasks, work functions. */
  readonly byLabel?: boolean;
}

/** `#3` or `#name` behind a path. */
const RUN_SUFFIX = /^(.+)#([^#/]+)$/;

/** Splits `lab.db#3` into path and run. */
export function splitRunSpec(spec: string): { path: string; run: string | undefined } {
  const match = RUN_SUFFIX.exec(spec);
  return match ? { path: match[1], run: match[2] } : { path: spec, run: undefined };
}

/**
 * Runs of a store, in the order of ingest.
 * @param run number or name of one run; default: every run
 * @throws StoreError
 */
export function readStoreRuns(path: string, run: string | undefined, options: ReadOptions = {}): RunRecord[] {
  const db = openForReading(path);
  const reader = new StoreReader(path, db);
  try {
    const ids = reader.runIds();
    if (ids.length === 0) throw new StoreError(`${path}: holds no run`);
    // Names are folder and file: the file is enough.
    const isNamed = (name: string): boolean => name === run || name.endsWith(`/${run}`);
    const wanted = run === undefined ? ids : ids.filter((id) => String(id) === run || isNamed(reader.runInfo(id).name));
    if (wanted.length === 0)
      throw new StoreError(
        `${path}: has no run '${run}'; it has ${ids.map((id) => `${id} (${reader.runInfo(id).name})`).join(', ')}`,
      );
    return wanted.map((id) => readRun(db, reader, id, ids.length > 1 ? `${path}#${id}` : path, options));
  } catch (error) {
    throw readError(path, error);
  } finally {
    reader.close();
  }
}

function readRun(db: Connection, reader: StoreReader, runId: number, source: string, options: ReadOptions): RunRecord {
  const info = reader.runInfo(runId);
  if (!reader.settings(runId).replayed)
    throw new StoreError(`${source}: only stored, never replayed; run: quiesce replay ${reader.path} --run ${runId}`);
  const metrics: RecordedMetric[] = [];
  let coarse = true;
  for (const table of METRIC_TABLES) {
    if (options.metrics && !options.metrics.includes(table.metric)) continue;
    const labels = new Map<string, BlockCollector>();
    for (const { durationNs, label } of metricSamples(db, table, runId, options.byLabel)) {
      if (coarse && durationNs !== null && durationNs % 1000 !== 0) coarse = false;
      let collector = labels.get(label);
      if (collector === undefined) {
        collector = new BlockCollector();
        labels.set(label, collector);
      }
      collector.add(durationNs);
    }
    for (const [label, collector] of labels)
      metrics.push({
        metric: table.metric,
        label: options.byLabel ? label : undefined,
        samples: collector.finish(),
      });
  }
  const systems = db
    .prepare(
      "SELECT DISTINCT system FROM event_type WHERE run_id = ? AND events > 0 AND system <> '' AND shape = 'tracepoint' ORDER BY system",
    )
    .pluck()
    .all(runId) as string[];
  const { lost, issues } = reader.importSummary(runId);
  return {
    source,
    name: info.name,
    release: info.kernel.release ?? null,
    cpus: info.cpus,
    events: info.events,
    lost,
    ...(isLowerBound(issues) && { lost_at_least: true }),
    span_ns: info.last_ns - info.first_ns,
    resolutionNs: coarse ? 1000 : 1,
    systems,
    metrics,
    findings: reader.findings(runId),
  };
}
