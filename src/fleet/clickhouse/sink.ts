/**
 * Pushes to ClickHouse, and reports from it. There are no transactions: a push writes which runs it begins, then their rows, then the rows of
 * `run`, which make them count. Reports look first which runs were begun and not ended: their rows are left out; and which were begun
 * more than once: of their rows each is taken once.
 */
import { randomBytes } from 'node:crypto';
import { FLEET_TABLE_NAMES, FLEET_TABLES, type FleetRun, type FleetTableName } from '../../../schema/index.ts';
import { clickHouse, clickHouseText } from '../dialects.ts';
import { type DaySpan, FleetError, type FleetSink, type FleetSource } from '../sink.ts';
import type { ClickHouseConnection } from './connection.ts';
import { ATTEMPT_COLUMNS } from './tables.ts';

/** Runs named in one statement; the longest that a server takes is 256 KiB by default. */
const LISTED_RUNS = 2000;
/** Rows of one INSERT. */
const INSERT_ROWS = 200_000;
/** Servers refuse a block that touches more partitions than this. */
const INSERT_MONTHS = 50;

export function clickHouseSink(connection: ClickHouseConnection): FleetSink {
  return {
    async push(runs) {
      const unique = [...new Map(runs.map((run) => [run.run, run])).values()];
      const known = await knownRuns(connection, unique);
      const fresh = unique.filter(({ run }) => !known.has(run));
      for (const part of partsOf(fresh)) await pushPart(connection, part);
      return { pushed: fresh.length, known: runs.length - fresh.length };
    },
    close: () => connection.close(),
  };
}

async function knownRuns(connection: ClickHouseConnection, runs: readonly FleetRun[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (let from = 0; from < runs.length; from += LISTED_RUNS) {
    const list = runs
      .slice(from, from + LISTED_RUNS)
      .map(({ run }) => clickHouseText(run))
      .join(', ');
    for (const [run] of await connection.select(`SELECT run FROM run WHERE run IN (${list}) GROUP BY run`))
      known.add(String(run));
  }
  return known;
}

/** Few enough rows and months for one INSERT per table. */
function* partsOf(runs: readonly FleetRun[]): Generator<FleetRun[]> {
  let part: FleetRun[] = [];
  let rows = 0;
  let months = new Set<string>();
  for (const run of runs) {
    const size = run.rows.bucket.length;
    months.add(run.day.slice(0, 7));
    if (part.length > 0 && (rows + size > INSERT_ROWS || months.size > INSERT_MONTHS)) {
      yield part;
      part = [];
      rows = 0;
      months = new Set([run.day.slice(0, 7)]);
    }
    part.push(run);
    rows += size;
  }
  if (part.length > 0) yield part;
}

async function pushPart(connection: ClickHouseConnection, runs: readonly FleetRun[]): Promise<void> {
  const begin = async (): Promise<void> => {
    const attempt = randomBytes(8).toString('hex');
    await connection.insert(
      'attempt',
      ATTEMPT_COLUMNS.map(({ name }) => name),
      runs.map(({ run, day }) => [run, day, attempt]),
    );
  };
  await begin();
  for (const name of FLEET_TABLE_NAMES) {
    const rows = runs.flatMap((run) => run.rows[name]);
    if (rows.length === 0) continue;
    await connection.insert(
      name,
      FLEET_TABLES[name].columns.map((column) => column.name),
      rows,
      begin,
    );
  }
}

/** Runs with rows that must not be counted as they are. */
interface Irregular {
  /** Begun, not ended. */
  readonly open: readonly string[];
  /** Begun more than once, and ended. */
  readonly repeated: readonly string[];
}

/** A report sees the fleet as of now: runs that are pushed meanwhile may or may not count. */
export async function clickHouseSource(connection: ClickHouseConnection, span: DaySpan = {}): Promise<FleetSource> {
  const irregular = await irregularRuns(connection, span);
  return {
    dialect: clickHouse((name) => sourceOf(name, irregular)),
    select: (sql) => connection.select(sql),
    close: () => connection.close(),
  };
}

async function irregularRuns(connection: ClickHouseConnection, { since }: DaySpan): Promise<Irregular> {
  const days = since === undefined ? '' : ` WHERE day >= ${clickHouseText(since)}`;
  const rows = await connection.select(
    `SELECT run, sum(begun) AS times, max(ended) AS done FROM (SELECT run, count(DISTINCT attempt) AS begun, 0 AS ended FROM attempt${days} GROUP BY run UNION ALL SELECT run, 0 AS begun, 1 AS ended FROM run${days} GROUP BY run) GROUP BY run HAVING times > 1 OR done = 0`,
  );
  if (rows.length > LISTED_RUNS)
    throw new FleetError(
      `${rows.length} runs were pushed twice or not to their end; docs/FLEET.md "Once" says how to tidy up, --since limits what is looked at`,
    );
  return {
    open: rows.filter((row) => Number(row[2]) === 0).map(([run]) => String(run)),
    repeated: rows.filter((row) => Number(row[2]) !== 0).map(([run]) => String(run)),
  };
}

function sourceOf(name: FleetTableName, { open, repeated }: Irregular): string {
  if (open.length + repeated.length === 0) return name;
  const list = (runs: readonly string[]): string => runs.map(clickHouseText).join(', ');
  const { columns, key } = FLEET_TABLES[name];
  const names: readonly string[] = columns.map((column) => column.name);
  const regular = `SELECT ${names.join(', ')} FROM ${name} WHERE run NOT IN (${list([...open, ...repeated])})`;
  if (repeated.length === 0) return `(${regular})`;
  // Inside, the rows that agree in the key; the outer names keep aggregates and columns apart.
  const others = names.filter((column) => !(key as readonly string[]).includes(column));
  const once = `SELECT ${[...key, ...others.map((column) => `min(t.${column}) AS one_${column}`)].join(', ')} FROM ${name} AS t WHERE run IN (${list(repeated)}) GROUP BY ${key.join(', ')}`;
  const renamed = names.map((column) => (others.includes(column) ? `one_${column} AS ${column}` : column));
  return `(${regular} UNION ALL SELECT ${renamed.join(', ')} FROM (${once}))`;
}
