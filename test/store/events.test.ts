/** Events in SQL: one table per kind, readable views, exact values, any name that a capture may hold. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  CTX_HARDIRQ,
  CTX_IRQS_KNOWN,
  CTX_IRQS_OFF,
  CTX_KNOWN,
  DEFAULT_THRESHOLDS,
  packDepths,
} from '../../schema/index.ts';
import { QueryConnection, type SqlValue } from '../../src/query/user-sql.ts';
import { StoreReader } from '../../src/store/run-reader.ts';
import { nextRunId, RunWriter } from '../../src/store/run-writer.ts';
import { openForWriting } from '../../src/store/store-file.ts';
import { contentOf, type MadeEvent, makeBatches } from '../support/event-batches.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();
let db: string;

beforeEach(() => {
  db = join(folder.path, 'runs.db');
});

/** Stores the events as one run. */
function store(events: readonly MadeEvent[], perBatch?: number): void {
  const open = openForWriting(db, false);
  const writer = new RunWriter(open.db, nextRunId(open.db));
  for (const batch of makeBatches(events, perBatch)) writer.append(batch);
  writer.finish(undefined);
  writer.describe({
    name: 'made by hand',
    origin: {
      ingestedAt: '2026-12-01T00:00:00.000Z',
      toolVersion: '0',
      kept: 'all',
      labels: {},
      contentHash: undefined,
    },
    boot: 0,
    captures: [],
    kernel: {},
    kernelGiven: {},
    kernelHeader: {},
    kernelCaptured: {},
    thresholds: DEFAULT_THRESHOLDS,
    thresholdsGiven: {},
    cpus: 2,
    events: events.length,
    lost: 0,
    firstNs: 0,
    lastNs: 0,
    cpuSpans: [],
    baseNs: 0n,
    issues: [],
  });
  open.commit();
}

function rows(sql: string): (readonly SqlValue[])[] {
  const connection = new QueryConnection(db);
  try {
    return [...connection.query(sql).rows];
  } finally {
    connection.close();
  }
}

describe('an event table', () => {
  it('answers the query that anyone would try first', () => {
    const sched = { prev_comm: 'cat', prev_pid: 7, prev_prio: 120, next_comm: 'sh', next_pid: 8, next_prio: 120 };
    store([
      { tsNs: 5, name: 'sched_switch', cpu: 1, tid: 7, comm: 'cat', fields: { ...sched, prev_state: 'D' } },
      { tsNs: 6, name: 'sched_switch', cpu: 1, tid: 8, comm: 'sh', fields: { ...sched, prev_state: 'S' } },
    ]);
    expect(
      rows("SELECT id, run_id, ts_ns, cpu, tid, comm, prev_comm, next_pid FROM sched_switch WHERE prev_state='D'"),
    ).toEqual([[1n, 1n, 5n, 1n, 7n, 'cat', 'cat', 8n]]);
  });

  it('holds 64-bit integers exactly, whether a double can or not', () => {
    const exact = [
      0n,
      1n,
      -1n,
      2n ** 53n,
      2n ** 53n + 1n,
      -(2n ** 62n) + 8n,
      -(2n ** 63n),
      2n ** 63n - 1n,
      -0xeefffeffbc8be0n,
    ];
    store(exact.map((value, i) => ({ tsNs: i, name: 'probe', fields: { value }, types: { value: 'int' } })));
    expect(rows('SELECT value, typeof(value) FROM probe ORDER BY id')).toEqual(exact.map((v) => [v, 'integer']));
  });

  it('shows pointers and masks in hexadecimal', () => {
    store([{ tsNs: 1, name: 'probe', fields: { p: -0xeefffeffbc8be0n, mask: 3 }, types: { mask: 'hex' } }]);
    expect(rows('SELECT p, mask FROM probe')).toEqual([['0xff11000100437420', '0x3']]);
  });

  it('keeps texts that look like numbers apart from string ids', () => {
    store([
      { tsNs: 1, name: 'print', fields: { ip: 'f', buf: { text: '1' } } },
      { tsNs: 2, name: 'print', fields: { ip: 'f', buf: { text: ' 12.5 ' } } },
      { tsNs: 3, name: 'print', fields: { ip: 'f', buf: 'interned' } },
      { tsNs: 4, name: 'print', fields: { ip: 'f', buf: 42 }, types: { buf: 'str' } },
      { tsNs: 5, name: 'print', fields: { ip: 'f', buf: { text: '' } } },
    ]);
    expect(rows('SELECT buf FROM print ORDER BY id').flat()).toEqual(['1', ' 12.5 ', 'interned', '42', '']);
  });

  it('renames fields that have the name of a common column', () => {
    store([
      { tsNs: 1, name: 'sched_wakeup', comm: 'waker', fields: { comm: 'woken', pid: 9, prio: 1, target_cpu: 0 } },
    ]);
    expect(rows('SELECT comm, arg_comm FROM sched_wakeup')).toEqual([['waker', 'woken']]);
  });

  it('says which records belong to no CPU and no task', () => {
    store([{ tsNs: 1, name: 'console', fields: { msg: { text: 'hello' } } }]);
    expect(rows('SELECT cpu, tid, comm, stack_id, context, flags FROM console')).toEqual([
      [null, null, '', null, null, null],
    ]);
  });

  it('shows the interrupt context in words and as the kernel prints it (E0.2)', () => {
    const flags = packDepths(CTX_KNOWN | CTX_IRQS_KNOWN | CTX_IRQS_OFF | CTX_HARDIRQ, 2, 0);
    store([{ tsNs: 1, name: 'probe', flags }]);
    expect(rows('SELECT flags, context FROM probe')).toEqual([['d.h2.', 'hardirq']]);
  });

  it('grows when a field is seen for the first time in the middle of a run', () => {
    store(
      [
        { tsNs: 1, name: 'probe', fields: { a: 1 } },
        { tsNs: 2, name: 'probe', fields: { a: 2, b: 'x' } },
      ],
      1,
    );
    expect(rows('SELECT a, b FROM probe ORDER BY id')).toEqual([
      [1n, null],
      [2n, 'x'],
    ]);
  });

  it('holds runs whose captures type a field differently', () => {
    store([{ tsNs: 1, name: 'probe', fields: { state: 2 } }]);
    store([{ tsNs: 1, name: 'probe', fields: { state: 'D' } }]);
    expect(rows('SELECT run_id, state FROM probe ORDER BY id')).toEqual([
      [1n, 2n],
      [2n, 'D'],
    ]);
  });

  it('keeps stacks beside events, innermost frame first (E0.8)', () => {
    store([
      { tsNs: 1, name: 'probe' },
      { tsNs: 2, name: 'probe', stack: ['schedule', 'wait_for_completion', '__synchronize_srcu'] },
    ]);
    expect(rows('SELECT depth, symbol, offset FROM probe JOIN stack USING (stack_id) ORDER BY id, depth')).toEqual([
      [0n, 'schedule', 16n],
      [1n, 'wait_for_completion', 16n],
      [2n, '__synchronize_srcu', 16n],
    ]);
  });
});

describe('names from captures', () => {
  it('cannot break the SQL or the tables of the store', () => {
    const names = [
      'run',
      'event',
      'sqlite_master',
      'x"; DROP TABLE run; --',
      "it's",
      '',
      '_ev_probe',
      'Probe',
      'probe',
      '日本',
    ];
    store(names.map((name, i) => ({ tsNs: i, name, fields: { 'a"b': i, id: i, 'A b': i, SELECT: i } })));
    expect(rows('SELECT count(*) FROM run')).toEqual([[1n]]);
    expect(rows('SELECT count(DISTINCT name), count(*) FROM event')).toEqual([[10n, 10n]]);
    expect(rows('SELECT name FROM event ORDER BY id').flat()).toEqual(names);
    expect(rows('SELECT a_b, arg_id, a_b_2, "SELECT" FROM run_event')).toEqual([[0n, 0n, 0n, 0n]]);
    expect(rows("SELECT relation FROM event_type WHERE name = 'run'")).toEqual([['run_event']]);
  });

  it('with unpaired surrogates are stored as far as UTF-8 can', () => {
    store(['\ud800', '\ud801'].map((name, i) => ({ tsNs: i, name, fields: { [`f${name}`]: i, g: { text: name } } })));
    expect(rows('SELECT name FROM event ORDER BY id').flat()).toEqual(['\ufffd', '\ufffd']);
  });

  it('of more than a thousand kinds of events go to a common table', () => {
    store(Array.from({ length: 1100 }, (_, i) => ({ tsNs: i, name: `kind_${i}`, fields: { n: i, s: 'text' } })));
    expect(rows('SELECT count(*) FROM event')).toEqual([[1100n]]);
    expect(rows("SELECT name, fields ->> 'n', fields ->> 's' FROM other_event WHERE name = 'kind_1099'")).toEqual([
      ['kind_1099', 1099n, 'text'],
    ]);
  });

  it('of more fields than a table has columns are kept in the pages', () => {
    const fields = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, i]));
    store([{ tsNs: 1, name: 'wide_event', fields }]);
    expect(rows('SELECT f0, f199 FROM wide_event')).toEqual([[0n, 199n]]);
    const reader = new StoreReader(db);
    expect([...reader.batches(1)][0].cellCount).toBe(300);
    reader.close();
  });
});

describe('several runs in one file', () => {
  it('have their own events, strings and ids', () => {
    store([{ tsNs: 1, name: 'probe', comm: 'first', fields: { s: 'one' } }]);
    store([{ tsNs: 1, name: 'probe', comm: 'second', fields: { s: 'two' } }]);
    expect(rows('SELECT id, run_id, comm, s FROM probe ORDER BY id')).toEqual([
      [1n, 1n, 'first', 'one'],
      [68719476737n, 2n, 'second', 'two'],
    ]);
  });

  it('come back as they went in: dictionary ids, batches, stacks', () => {
    const events = (comm: string): MadeEvent[] =>
      Array.from({ length: 30 }, (_, i) => ({
        tsNs: i,
        name: i % 3 ? 'probe' : 'other',
        cpu: 1,
        tid: 5,
        comm,
        fields: { s: `${comm} ${i}`, n: i, t: { text: `line ${i}` } },
        stack: [`f${i % 4}`, 'main'],
      }));
    store(events('a'), 8);
    store(events('b'), 8);
    const reader = new StoreReader(db);
    for (const [run, comm] of [
      [1, 'a'],
      [2, 'b'],
    ] as const) {
      const given = makeBatches(events(comm), 8);
      const stored = [...reader.batches(run)];
      expect(stored.map(contentOf)).toEqual(given.map(contentOf));
      const strings = given.flatMap((batch) => batch.delta.strings);
      expect(stored[0].delta.strings).toEqual(strings);
      expect(stored[0].delta.stacks).toEqual(given.flatMap((batch) => batch.delta.stacks));
      expect(stored[0].delta.frames).toEqual(given.flatMap((batch) => batch.delta.frames));
      expect(stored[0].delta.types.map((type) => type.name)).toEqual(['other', 'probe']);
    }
    reader.close();
  });
});
