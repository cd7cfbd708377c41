/** What the producers of tracks read from: the facts of one run. */
import type { Finding, RunInfo } from '../../../schema/index.ts';
import type { Connection } from '../../store/store-file.ts';
import { type ExportSelection, hasCpu } from '../selection.ts';

export interface RunFacts {
  readonly db: Connection;
  readonly runId: number;
  readonly info: RunInfo;
  readonly findings: readonly Finding[];
  readonly selection: ExportSelection;
  /** Name of a task, as far as it is known. */
  readonly taskName: (tid: number) => string | undefined;
}

/** `comm:tid`. */
export function taskLabel({ taskName }: RunFacts, tid: number): string {
  const name = taskName(tid);
  return name === undefined || name === '' ? `task ${tid}` : `${name}:${tid}`;
}

/** Values of a row in the order of the columns. */
export type Row = readonly (string | number | null)[];

interface FactQuery {
  /** Columns; `start_ns` and `end_ns` of the fact go first. */
  readonly columns: string;
  readonly from: string;
  readonly where?: string;
  /** Column with the CPU. */
  readonly cpu?: string;
  /** In the order in which they ended, which costs no sorting; else in that of their starts. */
  readonly asStored?: boolean;
}

/** Facts of the run that overlap the selected time, on the selected CPUs. An end that is null is open. */
export function* factRows({ db, runId, selection }: RunFacts, query: FactQuery): Generator<Row> {
  const { columns, from, where = '1', cpu, asStored = false } = query;
  const [start, end] = columns.split(', ');
  const rows = db
    .prepare(
      `SELECT ${columns}${cpu === undefined ? '' : `, ${cpu}`} FROM ${from}
       WHERE f.run_id = :run AND ${start} <= :to AND coalesce(${end}, :to) >= :from AND (${where}) ORDER BY ${asStored ? '' : `${start}, `}f.fact_no`,
    )
    .raw();
  const bounds = {
    run: runId,
    from: Math.max(selection.fromNs, -Number.MAX_SAFE_INTEGER),
    to: Math.min(selection.toNs, Number.MAX_SAFE_INTEGER),
  };
  for (const row of rows.iterate(bounds) as IterableIterator<Row>)
    if (cpu === undefined || row.at(-1) === null || hasCpu(selection, row.at(-1) as number)) yield row;
}
