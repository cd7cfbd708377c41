/** Stores: any bytes in the file, any value in a row, any statement in the shell. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { readStoreRuns } from '../../../src/compare/run-record.ts';
import { replay } from '../../../src/jobs/replay.ts';
import { openStore } from '../../../src/jobs/store.ts';
import { metricHistograms } from '../../../src/query/metric-histograms.ts';
import { namedQueries, runNamedQuery } from '../../../src/query/named-catalog.ts';
import { QueryConnection } from '../../../src/query/user-sql.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { Random } from '../mutate.ts';
import { expectTrue, type FuzzTarget } from '../target.ts';

const TRACE = `# tracer: nop
          cat-7       [001] d..2.    12.000001: sched_switch: prev_comm=cat prev_pid=7 prev_prio=120 prev_state=D ==> next_comm=sh next_pid=8 next_prio=120
           sh-8       [001] d.h2.    12.000002: nmi_handler: perf_event_nmi_handler() delta_ns: 7000 handled: 1
           sh-8       [001] d..2.    12.000003: rcu_grace_period: rcu_preempt 5 start
           sh-8       [001] d..2.    12.000004: contention_begin: 0xffff888003d5c258 (flags=MUTEX)
           sh-8       [001] d..2.    12.900005: contention_end: 0xffff888003d5c258 (ret=0)
           sh-8       [001] d..2.    12.900006: rcu_grace_period: rcu_preempt 5 end
`;
const LOG = new URL('../../fixtures/console/lock-cycle.txt', import.meta.url).pathname;

let folder: string | undefined;
function place(name: string): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'quiesce-fuzz-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, name);
}

let built: Promise<string> | undefined;
function sound(): Promise<string> {
  built ??= (async () => {
    const path = place('sound.db');
    await replay({ name: 'trace', bytes: Buffer.from(TRACE) }, { db: path });
    await replay(LOG, { db: path });
    return path;
  })();
  return built;
}

/** A store that is refused at any point is refused in words; everything that can be read is read. */
async function readWhole(path: string): Promise<void> {
  const attempts: (() => unknown)[] = [
    () => {
      const store = openStore(path);
      try {
        for (const { run_id } of store.runs()) {
          store.assessments(run_id);
          store.importSummary(run_id);
          for (const { id } of store.findings(run_id)) store.explain(id, run_id);
          for (const _ of store.events({ run: run_id }));
          store.stateAt(12.5e9, { run: run_id });
        }
      } finally {
        store.close();
      }
    },
    () => readStoreRuns(path, undefined),
    () => metricHistograms(path, { metric: 'nmi', by: 'handler', run: 'all' }),
    () => replay(path),
    () => replay({ name: 'more', bytes: Buffer.from(TRACE) }, { db: path }),
  ];
  for (const attempt of attempts)
    try {
      await attempt();
    } catch (error) {
      // A program error over what was read is told as damage, with its cause: that is the last resort and no failure.
      if (!(error instanceof Error && /^(?:Store|Request|State|Unknown|Metric|Sql|Capture)\w*$/.test(error.name)))
        throw error;
    }
}

/** Bytes: where (4), what (1), again and again. */
const storeBytes: FuzzTarget = {
  name: 'store-bytes',
  tokens: [],
  mostBytes: 64,
  async seeds() {
    await sound();
    return [Buffer.from([0, 0, 0, 20, 1]), Buffer.from([0, 1, 0, 20, 1, 0, 2, 7, 9, 128])];
  },
  async run(input) {
    const bytes = readFileSync(await sound());
    for (let i = 0; i + 5 <= input.length; i += 5)
      bytes[(Buffer.from(input).readUInt32BE(i) * 2654435761) % bytes.length] ^= input[i + 4] || 1;
    const path = place('bytes.db');
    writeFileSync(path, bytes);
    await readWhole(path);
  },
};

const VALUES = [
  'NULL',
  '-1',
  '0',
  '1e300',
  '9223372036854775807',
  "''",
  "'x'",
  "'{}'",
  "'[]'",
  "'null'",
  "'[1e999]'",
  "x''",
  "x'00ff'",
  '\'{"kind":"rcu-stall"}\'',
  'zeroblob(9)',
  "char(27)||'[2J'",
];

/** Bytes: table, column, row, value; the rows of the store become what they choose. */
const storeRows: FuzzTarget = {
  name: 'store-rows',
  tokens: [],
  mostBytes: 64,
  async seeds() {
    await sound();
    return [Buffer.from([0, 0, 0, 0]), Buffer.from([9, 3, 0, 4, 20, 1, 1, 9])];
  },
  async run(input) {
    const path = place('rows.db');
    copyFileSync(await sound(), path);
    const db = new Database(path);
    try {
      const tables = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .pluck()
        .all() as string[];
      for (let i = 0; i + 4 <= input.length; i += 4) {
        const table = tables[input[i] % tables.length];
        const columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[];
        const column = columns[input[i + 1] % columns.length];
        const value = VALUES[input[i + 3] % VALUES.length];
        const mixed = input[i + 2] & 1 ? value : `substr("${column}", 1, ${input[i + 2]}) || ${value}`;
        try {
          db.exec(
            `UPDATE OR REPLACE "${table}" SET "${column}" = ${mixed} WHERE (SELECT count(*) FROM "${table}") % ${1 + (input[i + 2] % 3)} = 0`,
          );
        } catch {
          // A constraint: SQLite does not hold such a value.
        }
      }
    } finally {
      db.close();
    }
    await readWhole(path);
  },
};

/** What a statement must not touch: everything but the rows that it makes of pages. */
function facts(path: string): string {
  const db = new Database(path, { readonly: true });
  try {
    const tables = ['run', 'event_page', 'finding', 'string', 'task_state', 'store_info'];
    return JSON.stringify(tables.map((table) => db.prepare(`SELECT * FROM ${table}`).raw().all()));
  } finally {
    db.close();
  }
}

/** A statement of the shell: answered or refused, and the file is as it was, but for rows that it has made of pages. */
const sql: FuzzTarget = {
  name: 'sql',
  tokens: [
    'SELECT ',
    ' FROM event',
    ' JOIN ',
    '(',
    ')',
    ' WHERE ',
    ';',
    "'",
    '"',
    '--',
    ' UNION ',
    'ATTACH ',
    'PRAGMA ',
    'json_each(',
    'LIMIT 1',
  ],
  mostBytes: 2000,
  async seeds() {
    await sound();
    return [
      'SELECT * FROM event LIMIT 3',
      "SELECT kind, title FROM finding WHERE severity = 'error'",
      "ATTACH DATABASE 'other.db' AS o",
      'PRAGMA user_version = 5',
      'CREATE TABLE t (x)',
      "SELECT load_extension('x')",
      "SELECT writefile('x', 'y')",
      'EXPLAIN QUERY PLAN SELECT * FROM sched_switch',
    ].map((text) => Buffer.from(text));
  },
  async run(input) {
    const text = Buffer.from(input).toString('utf8');
    const path = await sound();
    const before = readFileSync(path);
    const copy = place('sql.db');
    copyFileSync(path, copy);
    for (const [db, keepRows] of [
      [path, false],
      [copy, true],
    ] as const) {
      const connection = new QueryConnection(db, { keepRows });
      try {
        let rows = 0;
        for (const _ of connection.query(text).rows) if (++rows === 1000) break;
      } finally {
        connection.close();
        if (keepRows) expectTrue(facts(copy) === facts(path), 'a statement leaves what is stored as it is');
        else expectTrue(readFileSync(path).equals(before), 'a statement leaves the store as it is');
      }
    }
  },
};

/** Queries of the library with arguments of every kind. */
const named: FuzzTarget = {
  name: 'named-queries',
  tokens: ['1e9', '-5', "'; DROP TABLE run; --", '%', '27.1', '2ms'],
  mostBytes: 200,
  async seeds() {
    await sound();
    return [Buffer.from('1'), Buffer.from('rcu_preempt'), Buffer.from('12.5')];
  },
  async run(input) {
    const random = new Random(input.length + (input[0] ?? 0) * 257);
    const query = random.pick(namedQueries());
    const connection = new QueryConnection(await sound());
    try {
      const args = Object.fromEntries(query.parameters.map(({ name }) => [name, Buffer.from(input).toString('utf8')]));
      let rows = 0;
      for (const _ of runNamedQuery(connection, query.name, args).rows) if (++rows === 1000) break;
    } catch (error) {
      expectTrue(!(error instanceof StoreError), 'a sound store is not called damaged');
      throw error;
    } finally {
      connection.close();
    }
  },
};

export const STORE_TARGETS: readonly FuzzTarget[] = [storeBytes, storeRows, sql, named];
