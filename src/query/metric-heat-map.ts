/** A metric over the time of a run: how many intervals of each length began in each slice. */
import type { KernelProfile, MetricTable } from '../../schema/index.ts';
import { readError } from '../store/store-error.ts';
import { type Connection, openForReading } from '../store/store-file.ts';
import { groupingColumn, metricTable, selectedRuns, timeUnitOf } from './metric-histograms.ts';
import { metricSamples } from './metric-samples.ts';

/** One power of two of durations. */
export interface HeatRow {
  readonly lowNs: number;
  /** Not included. */
  readonly highNs: number;
  /** By slice. */
  readonly counts: readonly number[];
}

export interface HeatMap {
  readonly metric: string;
  readonly title: string;
  /** Value of the grouping column, '' when not grouped. */
  readonly label: string;
  /** Absolute time of the first slice. */
  readonly fromNs: number;
  readonly sliceNs: number;
  readonly slices: number;
  /** Longest last; rows between two that have counts are there too. */
  readonly rows: readonly HeatRow[];
  /** Intervals that began in the slice and were not over when the capture ended. */
  readonly open: readonly number[];
  readonly count: number;
  /** Of its times and lengths. */
  readonly timeUnit?: KernelProfile['timeUnit'];
}

export interface HeatMapRequest {
  readonly metric: string;
  readonly by?: string;
  /** Default: the latest. */
  readonly run?: number;
  readonly slices: number;
}

/** Labels beyond this are left out, those with the fewest intervals first. */
const MOST_LABELS = 16;

class HeatCounts {
  readonly octaves = new Map<number, number[]>();
  readonly open: number[];
  count = 0;

  constructor(slices: number) {
    this.open = new Array<number>(slices).fill(0);
  }

  add(slice: number, durationNs: number | null): void {
    this.count++;
    if (durationNs === null) {
      this.open[slice]++;
      return;
    }
    const octave = durationNs < 1 ? -1 : Math.floor(Math.log2(durationNs));
    let counts = this.octaves.get(octave);
    if (counts === undefined) {
      counts = this.open.map(() => 0);
      this.octaves.set(octave, counts);
    }
    counts[slice]++;
  }

  rows(): HeatRow[] {
    const octaves = [...this.octaves.keys()];
    if (octaves.length === 0) return [];
    const rows: HeatRow[] = [];
    for (let octave = Math.min(...octaves); octave <= Math.max(...octaves); octave++)
      rows.push({
        lowNs: octave < 0 ? 0 : 2 ** octave,
        highNs: 2 ** (octave + 1),
        counts: this.octaves.get(octave) ?? this.open.map(() => 0),
      });
    return rows;
  }
}

/** One map, or one per value of the grouping column. @throws MetricError, StoreError */
export function metricHeatMaps(path: string, request: HeatMapRequest): HeatMap[] {
  const table = metricTable(request.metric);
  const by = request.by === undefined ? undefined : groupingColumn(table, request.by);
  const db = openForReading(path);
  try {
    const [runId] = selectedRuns(db, path, request.run);
    return heatMaps(db, table, runId, by, request.slices);
  } catch (error) {
    throw readError(path, error);
  } finally {
    db.close();
  }
}

function heatMaps(
  db: Connection,
  table: MetricTable,
  runId: number,
  by: string | undefined,
  slices: number,
): HeatMap[] {
  const run = db.prepare('SELECT first_ns, last_ns, base_ns FROM run WHERE run_id = ?').get(runId) as {
    first_ns: number;
    last_ns: number;
    base_ns: number;
  };
  const timeUnit = timeUnitOf(db, [runId]);
  const sliceNs = Math.max(1, Math.ceil((run.last_ns - run.first_ns + 1) / slices));
  const found = new Map<string, HeatCounts>();
  const grouped = by === undefined ? table : { ...table, labelSql: `f."${by}"` };
  for (const { startNs, durationNs, label } of metricSamples(db, grouped, runId, by !== undefined)) {
    let counts = found.get(label);
    if (counts === undefined) {
      counts = new HeatCounts(slices);
      found.set(label, counts);
    }
    // What began before the capture is drawn where the capture begins.
    counts.add(Math.max(0, Math.min(slices - 1, Math.floor((startNs - run.first_ns) / sliceNs))), durationNs);
  }
  return [...found]
    .sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
    .slice(0, MOST_LABELS)
    .map(([label, counts]) => ({
      metric: table.metric,
      title: table.title,
      label,
      fromNs: run.base_ns + run.first_ns,
      sliceNs,
      slices,
      rows: counts.rows(),
      open: counts.open,
      count: counts.count,
      timeUnit,
    }));
}
