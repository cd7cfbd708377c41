/** The single values behind a metric, in the order in which the models saw them. */
import type { MetricTable } from '../../schema/index.ts';
import type { Connection } from '../store/store-file.ts';

export interface MetricSample {
  readonly startNs: number;
  /** null: not over when the capture ended. */
  readonly durationNs: number | null;
  /** Value of the metric's own grouping; '' when not asked for. */
  readonly label: string;
}

/** Values of one metric in one run. Order is that of the fact table: the end of the interval, or the end of the capture. */
export function* metricSamples(
  db: Connection,
  table: MetricTable,
  runId: number,
  labelled = false,
): Generator<MetricSample> {
  const label = labelled ? `coalesce(CAST(${table.labelSql} AS TEXT), '')` : "''";
  const from = labelled ? table.from : (table.plainFrom ?? table.from);
  const rows = db
    .prepare(
      `SELECT ${table.start}, ${table.end} - ${table.start}, ${label} FROM ${from} AS f WHERE f.run_id = ? AND ${table.where}`,
    )
    .raw();
  for (const row of rows.iterate(runId)) {
    const [startNs, durationNs, text] = row as [number, number | null, string];
    yield { startNs, durationNs, label: text };
  }
}
