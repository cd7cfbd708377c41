/** Rows that are made when they are asked for: no answer differs from that of a store that has had them from the start. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillRows } from '../../src/jobs/fill-rows.ts';
import { replay } from '../../src/jobs/replay.ts';
import { openStore } from '../../src/jobs/store.ts';
import { StoredStates } from '../../src/jobs/stored-states.ts';
import { namedQueries, runNamedQuery } from '../../src/query/named-catalog.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { removeRuns } from '../../src/store/runs/change-runs.ts';
import { mergeStore } from '../../src/store/runs/merge.ts';
import { openForWriting } from '../../src/store/store-file.ts';
import { MAIN } from '../support/built-command.ts';
import { quiesce } from '../support/command-line.ts';
import { buildStore } from '../support/sample-store.ts';
import { folderForEachTest, temporaryFolder } from '../support/temporary-folder.ts';

const SAMPLES = [
  'nmi-storm.trace.dat',
  'lock-cycle.trace.txt.zst',
  'lock-cycle.perf-script.txt.zst',
  'preempted-reader.trace.txt.zst',
  'srcu-deadlock.trace.txt.zst',
  'nmi-storm.dmesg.txt',
];

/** To the next or previous event of a name, a CPU, a task. */
const STEPS = [1, -1].flatMap((direction) =>
  [undefined, 'sched_switch', 'rcu_grace_period', 'sched_process_exit', 'console'].flatMap((event) =>
    [{}, { cpu: 1 }, { tid: 1 }, { comm: 'rcu_preempt' }, { comm: 'nobody' }].map(
      (only) => [direction as 1 | -1, event, only] as const,
    ),
  ),
);

const built = temporaryFolder();
const now = join(built.path, 'now.db');
const later = join(built.path, 'later.db');
const folder = folderForEachTest();
let expected: Map<string, unknown>;
/** A store without rows that the test may change. */
const fresh = (): string => {
  const path = join(folder.path, 'fresh.db');
  copyFileSync(later, path);
  return path;
};

beforeAll(async () => {
  process.env.SOURCE_DATE_EPOCH = '1700000000';
  await buildStore(now, SAMPLES, 'now');
  await buildStore(later, SAMPLES);
  delete process.env.SOURCE_DATE_EPOCH;
  expected = contents(now);
}, 120_000);
afterAll(() => built.remove());

/** Views of events, and the view of all of them. */
function eventViews(path: string): string[] {
  const db = new Database(path, { readonly: true });
  try {
    return ['event', ...(db.prepare('SELECT relation FROM event_table ORDER BY 1').pluck().all() as string[])];
  } finally {
    db.close();
  }
}

function pending(path: string): number {
  const db = new Database(path, { readonly: true });
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    return db.prepare('SELECT count(*) FROM event_type WHERE has_rows = 0').pluck().get() as number;
  } finally {
    db.close();
  }
}

/** Everything that SQL says of the events: columns, number of rows, and what is in them. */
function contents(path: string, options: { readonly keepRows?: boolean } = {}): Map<string, unknown> {
  const connection = new QueryConnection(path, options);
  try {
    const found = new Map<string, unknown>();
    for (const view of [...eventViews(path), 'other_event', 'lost_event']) {
      const id = view === 'lost_event' ? 'event_id' : 'id';
      const { columns, rows } = connection.query(`SELECT * FROM "${view}" ORDER BY ${id}`);
      const hash = createHash('sha256');
      let count = 0;
      for (const row of rows) {
        hash.update(row.map((value) => `${typeof value} ${value}`).join('\t'));
        count++;
      }
      found.set(view, [columns, count, hash.digest('hex')]);
    }
    return found;
  } finally {
    connection.close();
  }
}

describe('a store without rows', () => {
  it('answers every query of the library like one that has them', () => {
    for (const keepRows of [true, false]) {
      for (const { name, parameters } of namedQueries()) {
        // Each on a store of which nothing has been asked.
        const [one, other] = [now, fresh()].map((path) => new QueryConnection(path, { keepRows }));
        try {
          for (const run of parameters.some((parameter) => parameter.name === 'run') ? [1, 2, 5] : [undefined]) {
            const answer = (connection: QueryConnection): unknown => {
              try {
                const { columns, rows } = runNamedQuery(connection, name, run === undefined ? {} : { run });
                return [columns, [...rows]];
              } catch (error) {
                return (error as Error).message;
              }
            };
            expect([name, answer(other)]).toEqual([name, answer(one)]);
          }
        } finally {
          one.close();
          other.close();
        }
      }
    }
  }, 120_000);

  it('has the same rows in every view', () => {
    const path = fresh();
    expect(pending(path)).toBeGreaterThan(100);
    expect(contents(path)).toEqual(expected);
    expect(pending(path)).toBe(0);
    const definitions = (db: string): unknown => {
      const open = new Database(db, { readonly: true });
      try {
        return open.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY type, name').all();
      } finally {
        open.close();
      }
    };
    expect(definitions(path)).toEqual(definitions(now));
  });

  it('has the same findings, evidence and states', async () => {
    const path = fresh();
    using one = openStore(now);
    using other = openStore(path);
    for (const { run_id, first_ns, last_ns } of one.runs()) {
      expect(other.findings(run_id)).toEqual(one.findings(run_id));
      for (const { id } of one.findings(run_id)) expect(other.explain(id, run_id)).toEqual(one.explain(id, run_id));
      const middle = (first_ns + last_ns) / 2;
      expect(other.stateAt(middle, { run: run_id })).toEqual(one.stateAt(middle, { run: run_id }));
      const [states, others] = [now, path].map((db) => new StoredStates(db, run_id));
      const step = (of: StoredStates, ...[direction, event, only]: (typeof STEPS)[number]): unknown => {
        try {
          return of.step({ tsNs: middle }, direction, event, only);
        } catch (error) {
          return (error as Error).message;
        }
      };
      for (const how of STEPS) expect([how, step(others, ...how)]).toEqual([how, step(states, ...how)]);
      states.close();
      others.close();
      expect((await replay(path, { run: run_id })).findings).toEqual((await replay(now, { run: run_id })).findings);
    }
    // None of that needs rows.
    expect(pending(path)).toBe(pending(later));
  });

  it('says so to programs that cannot make them', () => {
    const db = new Database(later, { readonly: true });
    try {
      for (const view of eventViews(later).filter((name) => !/^(console|quiesce_lost)$/.test(name))) {
        // Columns are there; rows are asked for in vain, whatever the question.
        expect(db.pragma(`table_info("${view}")`)).not.toHaveLength(0);
        for (const sql of [
          'SELECT * FROM $ LIMIT 1',
          'SELECT count(*) FROM $',
          'SELECT 1 FROM run LEFT JOIN $ USING (run_id)',
          'SELECT EXISTS (SELECT 1 FROM $ WHERE id = 5)',
          'SELECT max(id) FROM $',
        ])
          expect(() => db.prepare(sql.replace('$', `"${view}"`)).all()).toThrow(
            /rows of \w+ are still in pages: run quiesce rows FILE/,
          );
      }
    } finally {
      db.close();
    }
  });
});

describe('a statement', () => {
  it('brings the kinds that it reads, and no others', () => {
    const path = fresh();
    const connection = new QueryConnection(path);
    expect([...connection.query('SELECT count(*) FROM sched_switch').rows][0][0]).toBeGreaterThan(0);
    connection.close();
    const db = new Database(path, { readonly: true });
    expect(db.prepare("SELECT DISTINCT has_rows FROM event_type WHERE name = 'sched_switch'").all()).toEqual([
      { has_rows: 1 },
    ]);
    expect(
      db.prepare("SELECT DISTINCT has_rows FROM event_type WHERE name = 'sched_waking' AND events > 0").all(),
    ).toEqual([{ has_rows: 0 }]);
    expect(db.prepare('SELECT count(*) FROM sched_switch').pluck().get()).toBeGreaterThan(0);
    expect(() => db.prepare('SELECT count(*) FROM event').get()).toThrow('are still in pages');
    db.close();
  });

  it('leaves a store as it is that another process writes, and answers all the same', () => {
    const path = fresh();
    const before = readFileSync(path);
    const writer = openForWriting(path, false);
    try {
      expect(contents(path)).toEqual(expected);
    } finally {
      writer.abort();
    }
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('sees what came later, also with rows of its own', async () => {
    const path = join(folder.path, 'growing.db');
    await buildStore(path, [SAMPLES[0]]);
    const connection = new QueryConnection(path, { keepRows: false });
    try {
      const runs = (): unknown => [...connection.query('SELECT DISTINCT run_id FROM sched_switch').rows];
      expect(runs()).toEqual([[1n]]);
      await buildStore(path, [SAMPLES[1]]);
      expect(runs()).toEqual([[1n], [2n]]);
    } finally {
      connection.close();
    }
  });

  it('that fails brings nothing', () => {
    const path = fresh();
    const before = readFileSync(path);
    const connection = new QueryConnection(path);
    expect(() => connection.query('SELECT no_such_column FROM sched_switch')).toThrow('no such column');
    connection.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('quiesce rows', () => {
  it('brings the kinds and the runs that are asked for', async () => {
    const path = fresh();
    const some = await fillRows(path, { event: 'sched_*', run: 2 });
    expect(some).toMatchObject({ runs: 1 });
    expect(some.kinds).toBeGreaterThan(1);
    const { out } = await quiesce('rows', path);
    expect(out).toMatch(/: [\d,]+ rows of \d+ kinds of events in \d runs, .*B, [\d.]+ s\n$/);
    expect((await quiesce('rows', path)).out).toBe(`${path}: no rows are missing\n`);
    expect(contents(path)).toEqual(expected);
    expect(await quiesce('rows', path, '--run', '99')).toMatchObject({ status: 2 });
  });

  it('brings all of them or none', async () => {
    const path = fresh();
    const db = new Database(path);
    const last = db.prepare('SELECT max(page_id) FROM event_page WHERE run_id = 4').pluck().get();
    db.prepare("UPDATE event_page SET body = x'00' WHERE page_id = ?").run(last);
    db.close();
    const before = readFileSync(path);
    await expect(fillRows(path)).rejects.toThrow('run 4, page 7 is damaged');
    const connection = new QueryConnection(path);
    expect(() => connection.query('SELECT count(*) FROM event')).toThrow('is damaged');
    connection.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('runs without rows', () => {
  it('are merged, whichever store has them', async () => {
    const all = join(folder.path, 'all.db');
    await buildStore(all, [SAMPLES[1], SAMPLES[3], SAMPLES[4]], 'now');
    for (const [into, from] of [
      ['now', 'later'],
      ['later', 'now'],
      ['later', 'later'],
    ] as const) {
      const [target, other] = [join(folder.path, `${into}-${from}-target.db`), join(folder.path, `${into}-${from}.db`)];
      await buildStore(target, [SAMPLES[1]], into);
      await buildStore(other, [SAMPLES[3], SAMPLES[4]], from);
      await mergeStore(target, other);
      expect(contents(target)).toEqual(contents(all));
    }
  });

  it('are removed, and the views of the rest are whole again', async () => {
    const path = join(folder.path, 'rm.db');
    await buildStore(path, [SAMPLES[1]], 'now');
    await buildStore(path, [SAMPLES[3]]);
    const raw = new Database(path, { readonly: true });
    const count = (): unknown => raw.prepare('SELECT DISTINCT run_id FROM event').pluck().all();
    expect(count).toThrow('are still in pages');
    await removeRuns(path, { ids: [2] }, undefined);
    expect(count()).toEqual([1]);
    raw.close();
  });
});

describe('a process that is killed while it makes rows', () => {
  it('leaves a store of which nothing is half', async () => {
    for (let afterMs = 150; afterMs < 900; afterMs += 150) {
      const path = fresh();
      const child = spawn(process.execPath, [MAIN, 'rows', path], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      setTimeout(() => child.kill('SIGKILL'), afterMs);
      await ended;
      // Whoever opens it next rolls back what was begun.
      expect(openStore(path)[Symbol.dispose]()).toBeUndefined();
      expect([0, pending(later)]).toContain(pending(path));
    }
    const path = fresh();
    await fillRows(path);
    expect(contents(path)).toEqual(expected);
  });
});
