/** The tables that hold rows of a run: what is removed with it, and copied with it. */
import { FACT_NAMES, FACTS, sqlName } from '../../../schema/index.ts';
import { factTable } from '../facts/fact-writer.ts';

/** Columns of a table whose values differ when the run is copied into another file. Beside these, `run_id`. */
export interface RunTable {
  readonly table: string;
  /** Event ids. */
  readonly events: readonly string[];
  /** Number of the row in its file: a copy gets another one. */
  readonly own?: string;
}

const plain = (table: string, ...events: string[]): RunTable => ({ table, events });

const numbered = (table: string, own: string, ...events: string[]): RunTable => ({ table, events, own });

/** Event columns of a fact. */
function factRows(name: (typeof FACT_NAMES)[number]): RunTable {
  const events = Object.entries(FACTS[name].columns).filter(([, { holds }]) => holds === 'event');
  return plain(factTable(name), ...events.map(([column]) => sqlName(column)));
}

/** All but `run` itself, and what its dictionary and its events are in. */
export const RUN_TABLES: readonly RunTable[] = [
  plain('run_label'),
  numbered('capture', 'capture_id'),
  plain('cpu_span'),
  plain('import_issue'),
  plain('lost_event', 'event_id'),
  numbered('event_page', 'page_id', 'first_event_id'),
  numbered('log_report', 'report_id'),
  plain('domain'),
  ...FACT_NAMES.map(factRows),
  plain('thread'),
  plain('finding'),
  plain('root_cause'),
  plain('finding_evidence', 'event_id', 'to_event_id'),
  plain('chain_link', 'event_id'),
  plain('assessment'),
  plain('histogram'),
  plain('histogram_bucket'),
  plain('variant_result'),
  plain('snapshot', 'event_id'),
];

/** Dictionary tables, their ids, and the column of `run` where the run's part begins. */
export const DICTIONARY_TABLES = [
  { table: 'string', id: 'string_id', base: 'string_base' },
  { table: 'frame', id: 'frame_id', base: 'frame_base' },
  { table: '_stack', id: 'stack_id', base: 'stack_base' },
  { table: 'event_type', id: 'type_id', base: 'type_base' },
] as const;
