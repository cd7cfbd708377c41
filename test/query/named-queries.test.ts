import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  namedQueries,
  namedQuery,
  QUERY_GROUPS,
  type QueryArguments,
  runNamedQuery,
} from '../../src/query/named-catalog.ts';
import { parseNamedQuery } from '../../src/query/named-query.ts';
import { QueryConnection, SqlError } from '../../src/query/user-sql.ts';
import { buildStore, textCapture } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Runs of the store, in order. */
const NMI_STORM = 1;
const PREEMPTED_READER = 2;
const SRCU_DEADLOCK = 3;
const LOCK_CYCLE = 4;
const MADE_UP = 5;

/** Events that no sample has: interrupts and preemption switched off, two locks in both orders, lost events, an odd line. */
const MADE_UP_TRACE = `# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
          worker-41      [000] d....    10.000000: irq_disable: caller=fill_cache+0x10 parent=refill+0x20
          worker-41      [000] d..1.    10.000100: preempt_disable: caller=fill_cache+0x18 parent=refill+0x20
           other-42      [001] d....    10.000200: irq_disable: caller=poll_ring+0x5 parent=net_loop+0x1
           other-42      [001] d....    10.000900: irq_enable: caller=poll_ring+0x9 parent=net_loop+0x1
          worker-41      [000] d..1.    10.002100: preempt_enable: caller=fill_cache+0x30 parent=refill+0x20
          worker-41      [000] d....    10.003000: irq_enable: caller=fill_cache+0x40 parent=refill+0x20
          worker-41      [000] .....    10.004000: lock_acquire: 0xffff888000000010 first_lock
          worker-41      [000] .....    10.004010: lock_acquire: 0xffff888000000020 second_lock
          worker-41      [000] .....    10.004020: lock_release: 0xffff888000000020 second_lock
          worker-41      [000] .....    10.004030: lock_release: 0xffff888000000010 first_lock
           other-42      [001] .....    10.005000: lock_acquire: 0xffff888000000020 second_lock
           other-42      [001] .....    10.005010: lock_acquire: 0xffff888000000010 first_lock
           other-42      [001] .....    10.005020: lock_release: 0xffff888000000010 first_lock
           other-42      [001] .....    10.005030: lock_release: 0xffff888000000020 second_lock
CPU:1 [LOST 17 EVENTS]
this is no event
           other-42      [001] .....    10.006000: sched_waking: comm=worker pid=41 prio=120 target_cpu=000
`;

/** One query, the arguments it is run with, and what its answer must hold. */
interface Expectation {
  readonly args?: QueryArguments;
  /** Rows in the answer. */
  readonly rows?: number;
  /** The first row has these values. */
  readonly first?: Readonly<Record<string, unknown>>;
  /** Some row has these values. */
  readonly some?: Readonly<Record<string, unknown>>;
}

/**
 * Numbers read from the samples by hand: times and counts are those of the trace text (`zstd -dc samples/… | grep …`), verdicts those
 * of the kernel's own report.
 */
const EXPECTED: Readonly<Record<string, Expectation>> = {
  runs: {
    rows: 5,
    first: { name: 'samples/nmi-storm.trace.txt.zst', cpus: 2, events: 36802, lost: 0, start_s: 27.003989 },
  },
  findings: { args: { run: NMI_STORM, kind: 'rcu-stall' }, rows: 1, first: { severity: 'error', start_s: 28.710218 } },
  chains: { args: { run: NMI_STORM }, some: { kind: 'cpu', name: 'CPU 1' } },
  evidence: {
    args: { run: NMI_STORM },
    some: { role: 'first handler of the storm', name: 'nmi_handler', time_s: 28.220005, cpu: 1, event_id: 2485 },
  },
  assessments: { args: { run: NMI_STORM }, some: { kind: 'lock-inversion', status: 'not-assessed' } },
  latencies: {
    args: { run: NMI_STORM, metric: 'nmi' },
    some: { label: 'storm_handler', count: 2435, max_ns: 107725640 },
  },
  'latency-distribution': {
    args: { run: NMI_STORM, metric: 'nmi', label: 'storm_handler' },
    some: { from_ns: 524288, to_ns: 1048576 },
  },
  'import-issues': {
    args: { run: MADE_UP },
    some: { kind: 'line-unreadable', count: 1, first_text: 'this is no event' },
  },
  'log-reports': { args: { run: NMI_STORM }, some: { kind: 'rcu-stall' } },
  'grace-period-phases': { args: { run: NMI_STORM }, first: { flavor: 'rcu_preempt', phase: 'start', count: 30 } },
  'grace-period-rate': { args: { run: NMI_STORM }, first: { flavor: 'rcu_preempt', time_s: 27.003989, ended: 9 } },
  'holdouts-of-grace-period': {
    args: { run: NMI_STORM },
    rows: 2,
    some: { gp_seq: '521', cpu: 1, cause: 'nmi-storm', waited_ns: 13697283000 },
  },
  holdouts: { args: { run: NMI_STORM }, first: { cpu: 1, cause: 'nmi-storm', times: 1, max_ns: 13697283000 } },
  'longest-grace-periods': {
    args: { run: NMI_STORM, limit: 3, flavor: 'rcu_preempt' },
    rows: 3,
    first: { gp_seq: '521', start_s: 28.710218, duration_ns: 13697591000, open: 0, holdouts: 'CPU 1' },
  },
  'near-stalls': { args: { run: NMI_STORM, timeout_s: 8 }, rows: 1, first: { gp_seq: '521', of_timeout: 1.71 } },
  'preempted-readers': {
    args: { run: PREEMPTED_READER },
    first: { reader: 'lab_rcuread:83', preempted_by: 'lab_fifo:84', blocks_gp: 1, until_unlock_ns: 12002572000 },
  },
  'slowest-synchronize-calls': {
    args: { run: NMI_STORM },
    first: { api: 'synchronize_srcu', task: 'lab upd-1:87', blocked_ns: 14066287000, root: 'nmi-storm', open: 0 },
  },
  'srcu-work': {
    args: { run: NMI_STORM },
    some: { function: 'process_srcu', worker: 36, start_s: 28.828416, queued_ns: 417000, run_ns: 13688015000 },
  },
  'srcu-readers': { args: { run: NMI_STORM }, some: { comm: 'khungtaskd', sections: 1046, max_ns: 44756000 } },
  'synchronize-by-caller': {
    args: { run: NMI_STORM },
    some: { api: 'synchronize_rcu', comm: 'kworker/0:1', count: 6, open: 0, max_ns: 13690249000 },
  },
  'callback-latency': {
    args: { run: NMI_STORM },
    some: { function: 'wakeme_after_rcu', count: 14, open: 0, longest_s: 28.750547, max_ns: 13689077000 },
  },
  'synchronize-phases': {
    args: { run: NMI_STORM },
    first: { api: 'synchronize_rcu', phase: 'WAIT_CURRENT_GP', waits: 7, max_ns: 13657276000, worst_tid: 9 },
  },
  'interrupt-share': {
    args: { run: NMI_STORM },
    some: { cpu: 1, kind: 'nmi', worst: 'storm_handler', max_ns: 107725640 },
  },
  'interrupts-by-handler': { args: { run: NMI_STORM, kind: 'nmi' }, first: { name: 'storm_handler', count: 2435 } },
  'irqs-off-longest': {
    args: { run: MADE_UP },
    rows: 2,
    first: {
      cpu: 0,
      task: 'worker:41',
      off_ns: 3000000,
      disabled_by: 'fill_cache',
      disabled_in: 'refill',
      enabled_by: 'fill_cache',
    },
  },
  'preemption-off-longest': {
    args: { run: MADE_UP },
    rows: 1,
    first: { off_ns: 2000000, disabled_by: 'fill_cache' },
  },
  'longest-interrupts': {
    args: { run: NMI_STORM, kind: 'nmi', limit: 1 },
    rows: 1,
    first: { cpu: 1, name: 'storm_handler', duration_ns: 107725640 },
  },
  'tick-gaps': {
    args: { run: NMI_STORM },
    first: { cpu: 1, gap_ns: 14055094000, busy: 1, task: 'user spin-1 [x]:83' },
  },
  'blocked-by-resource': {
    args: { run: SRCU_DEADLOCK },
    first: { waits_in: '__synchronize_srcu', called_from: 'synchronize_srcu', sleeps: 2, tasks: 2, open: 2 },
  },
  'blocked-by-task': { args: { run: NMI_STORM }, first: { comm: 'lab upd-1', tid: 87, max_ns: 14066141000 } },
  'cpu-time-by-task': { args: { run: NMI_STORM }, first: { cpu: 1, comm: 'user spin-1 [x]', tid: 83 } },
  'longest-runqueue-waits': {
    args: { run: NMI_STORM },
    first: { task: 'rcu_preempt:16', start_s: 36.840386, waited_ns: 71819000 },
  },
  'runqueue-latency': {
    args: { run: NMI_STORM },
    first: { comm: 'rcu_preempt', max_ns: 71819000, worst_s: 36.840386 },
  },
  'task-timeline': {
    args: { run: NMI_STORM, tid: 87 },
    some: { comm: 'lab upd-1', state: 'blocked', start_s: 28.749405, duration_ns: 14066141000 },
  },
  waits: { args: { run: NMI_STORM }, first: { rule: 'W2', waiter: 'task lab upd-1:87', duration_ns: 14066192000 } },
  'wakers-of-task': {
    args: { run: NMI_STORM, tid: 16 },
    first: { woken: 'rcu_preempt:16', waker: 'trace-cmd:80', context: 'softirq', until_run_ns: 742000 },
  },
  'wakeup-graph': {
    args: { run: NMI_STORM },
    first: { waker: '<idle>', context: 'softirq', woken: 'rcu_preempt', count: 308 },
  },
  'lock-classes': { args: { run: LOCK_CYCLE, lock: '&rq->__lock' }, rows: 1, first: { lock: '&rq->__lock' } },
  'lock-contention': {
    args: { run: LOCK_CYCLE },
    some: { lock: '&ssp->srcu_sup->srcu_gp_mutex', waits: 35, open: 0, total_ns: 224000 },
  },
  'lock-holds': {
    args: { run: LOCK_CYCLE },
    first: { lock: '&ssp->srcu_sup->srcu_gp_mutex', count: 35, max_ns: 51855000 },
  },
  'longest-lock-holds': {
    args: { run: LOCK_CYCLE, limit: 1 },
    rows: 1,
    first: { lock: '&ssp->srcu_sup->srcu_gp_mutex', tid: 34, start_s: 16.300366, held_ns: 51855000 },
  },
  'lock-order': {
    args: { run: MADE_UP, lock: 'second_lock' },
    rows: 2,
    first: { held: 'first_lock', acquired: 'second_lock', count: 1, tid: 41 },
  },
  'lock-order-conflicts': {
    args: { run: MADE_UP },
    rows: 1,
    first: { lock: 'first_lock', other: 'second_lock', forward: 1 },
  },
  'slowest-work': {
    args: { run: NMI_STORM, by: 'run' },
    first: { function: 'process_srcu', worker: 9, run_ns: 13766090000 },
  },
  'work-by-function': { args: { run: NMI_STORM }, some: { function: 'process_srcu', count: 5, waiting: 0 } },
  workers: {
    args: { run: NMI_STORM },
    first: { worker: 9, items: 16, longest_ns: 13766090000, longest_in: 'process_srcu' },
  },
  'activity-over-time': { args: { run: NMI_STORM, slice_ms: 1000 }, some: { time_s: 30.003989, cpu: 1, tasks: 1 } },
  'event-counts': { args: { run: NMI_STORM }, some: { name: 'nmi_handler', system: 'nmi', events: 4870 } },
  'event-fields': { args: { run: NMI_STORM, event: 'nmi_handler' }, rows: 3, first: { field: 'handler', type: 'str' } },
  'events-around': {
    args: { run: NMI_STORM, at: 28.220005, window_ms: 0.01 },
    some: { event_id: 2485, name: 'nmi_handler', distance_us: 0, cpu: 1 },
  },
  'lost-events': { args: { run: MADE_UP }, rows: 1, first: { cpu: 1, lost: 17 } },
  'stacks-of-event': { args: { event: 980 }, some: { event_id: 981, symbol: 'synchronize_rcu_normal' } },
};

const folder = temporaryFolder();
let connection: QueryConnection;

beforeAll(async () => {
  const db = await buildStore(`${folder.path}/samples.db`, [
    'nmi-storm.trace.txt.zst',
    'preempted-reader.trace.txt.zst',
    'srcu-deadlock.trace.txt.zst',
    'lock-cycle.trace.txt.zst',
    textCapture('made-up.txt', MADE_UP_TRACE),
  ]);
  connection = new QueryConnection(db);
});

afterAll(() => {
  connection.close();
  folder.remove();
});

function answer(name: string, args: QueryArguments = {}): Record<string, unknown>[] {
  const { columns, rows } = runNamedQuery(connection, name, args);
  return [...rows].map((row) =>
    Object.fromEntries(columns.map((column, i) => [column, typeof row[i] === 'bigint' ? Number(row[i]) : row[i]])),
  );
}

describe('the query library', () => {
  it('has an expected answer for every query', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(
      namedQueries()
        .map((query) => query.name)
        .sort(),
    );
    expect(namedQueries().length).toBeGreaterThanOrEqual(25);
  });

  it.each(Object.entries(EXPECTED))('%s answers from the samples what the traces say', (name, expected) => {
    const rows = answer(name, expected.args);
    expect(rows.length).toBeGreaterThan(0);
    if (expected.rows !== undefined) expect(rows).toHaveLength(expected.rows);
    if (expected.first) expect(rows[0]).toMatchObject(expected.first);
    if (expected.some) expect(rows).toContainEqual(expect.objectContaining(expected.some));
  });

  it.each(namedQueries().map((query) => [query.name, query] as const))(
    '%s returns the columns that it describes, with its defaults as documented',
    (name, query) => {
      const { columns, rows } = runNamedQuery(connection, name);
      expect(columns).toEqual(query.columns.map((column) => column.name));
      const plain = [...rows];
      for (const { name: parameter, description } of query.parameters) {
        const value = /\(default (\S+)\)$/.exec(description)?.[1];
        if (value !== undefined)
          expect([...runNamedQuery(connection, name, { [parameter]: value }).rows]).toEqual(plain);
      }
    },
  );

  it('describes every parameter and column of every query, and no others', () => {
    for (const query of namedQueries()) {
      const statement = query.sql.replace(/--.*$/gm, '').replace(/'[^']*'/g, "''");
      const used = new Set([...statement.matchAll(/:(\w+)/g)].map((match) => match[1]));
      expect([query.name, [...used].sort()]).toEqual([query.name, query.parameters.map(({ name }) => name).sort()]);
      expect(Object.keys(QUERY_GROUPS)).toContain(query.group);
      expect(query.title).toMatch(/[.:]$|\)\.$/);
      expect(statement.trim().endsWith(';')).toBe(true);
      expect(statement.indexOf(';')).toBe(statement.lastIndexOf(';'));
    }
    expect(new Set(namedQueries().map((query) => query.name)).size).toBe(namedQueries().length);
  });

  it('runs as pasted into another SQLite client: parameters that are not set are NULL, no functions of quiesce', () => {
    for (const query of namedQueries()) {
      const pasted = query.sql.replace(/--.*$/gm, '').replace(/(?<!\w):\w+/g, 'NULL');
      expect([query.name, [...connection.query(pasted).rows].length]).toEqual([query.name, answer(query.name).length]);
    }
  });

  it('narrows every query with :run to that run', () => {
    for (const query of namedQueries()) {
      if (!query.columns.some(({ name }) => name === 'run_id')) continue;
      for (const row of answer(query.name, { run: SRCU_DEADLOCK }))
        expect([query.name, row.run_id]).toEqual([query.name, SRCU_DEADLOCK]);
    }
  });
});

describe('arguments of named queries', () => {
  it('suggests the name that was meant', () => {
    expect(() => namedQuery('longest-grace-period')).toThrow(/did you mean longest-grace-periods/);
    expect(() => namedQuery('zzz')).toThrow(/no query is named 'zzz'; --list shows them/);
  });

  it('names the parameters when one is unknown, and wants numbers where numbers are meant', () => {
    expect(() => answer('waits', { limits: 3 })).toThrow(
      new SqlError("waits has no parameter 'limits'; it has task, run, limit"),
    );
    expect(() => answer('waits', { limit: 'many' })).toThrow(new SqlError('waits: limit=many: a number expected'));
    expect(() => answer('waits', { limit: '' })).toThrow(SqlError);
    expect(answer('waits', { limit: '2' })).toHaveLength(2);
  });

  it('treats text as text, whatever it holds', () => {
    expect(answer('lock-order', { lock: "x'; DROP TABLE run; --" })).toEqual([]);
    expect(answer('runs')).toHaveLength(5);
  });

  it('says which events the store lacks', async () => {
    const db = await buildStore(`${folder.path}/small.db`, [
      textCapture('empty.txt', '# tracer: nop\n a-1 [000] 1.000000: tick_stop: success=1 dependency=NONE\n'),
    ]);
    const small = new QueryConnection(db);
    try {
      expect(() => runNamedQuery(small, 'preempted-readers')).toThrow(
        /no run of this store has recorded rcu_preempt_task, sched_switch/,
      );
      // Everything else has an answer, though it may be empty.
      for (const query of namedQueries())
        if (query.needs.length === 0) expect([...runNamedQuery(small, query.name).rows]).toBeDefined();
    } finally {
      small.close();
    }
  });
});

describe('comments at the head of a query', () => {
  it('are read into title, remarks, parameters, columns, needs and cost', () => {
    const query = parseNamedQuery(
      'tasks',
      'made-up',
      `-- What it answers, over
-- two lines.
--
-- A remark.
--
-- Parameters
--   :limit   number  rows (default 20)
-- Columns
--   ns_total ns: all
-- Needs
--   sched_switch sched_waking
-- Cost
--   scans everything
SELECT 1 AS ns_total -- not the head
LIMIT coalesce(:limit, 20);
`,
    );
    expect(query).toMatchObject({
      title: 'What it answers, over two lines.',
      remarks: 'A remark.',
      parameters: [{ name: 'limit', type: 'number', description: 'rows (default 20)' }],
      columns: [{ name: 'ns_total', description: 'ns: all' }],
      needs: ['sched_switch', 'sched_waking'],
      cost: 'scans everything',
    });
  });

  it('must describe columns and parameters', () => {
    expect(() => parseNamedQuery('tasks', 'bare', 'SELECT 1;')).toThrow(/tasks\/bare: no columns/);
    expect(() => parseNamedQuery('tasks', 'odd', '-- T.\n-- Parameters\n--   limit rows\nSELECT 1;')).toThrow(
      /parameter/,
    );
  });
});
