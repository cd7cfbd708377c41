/** Time travel on stored runs: `quiesce state` (W4.30), with and without usable snapshots. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StateLink, StateResult } from '../../schema/index.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import { StateError, StoredStates } from '../../src/jobs/stored-states.ts';
import { ReplayEngine } from '../../src/replay/engine.ts';
import { LIVE_STATE_VERSION, saveLiveState } from '../../src/replay/snapshot/live-state.ts';
import { stateText } from '../../src/report/state-text.ts';
import { PLAIN } from '../../src/report/text/style.ts';
import { StoreReader } from '../../src/store/run-reader.ts';
import { encodeSnapshot } from '../../src/store/snapshot-codec.ts';
import { writeSnapshot } from '../../src/store/snapshot-rows.ts';
import { openForWriting } from '../../src/store/store-file.ts';
import { collectedFacts } from '../support/replay-capture.ts';
import { trace } from '../support/replay-dsl.ts';
import { buildStore, textCapture } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const db = (name: string): string => join(folder.path, `${name}.db`);
const SAMPLES = ['nmi-storm', 'preempted-reader', 'srcu-deadlock', 'lock-cycle'];

beforeAll(async () => {
  for (const name of SAMPLES) await buildStore(db(name), [`${name}.trace.txt.zst`]);
});
afterAll(folder.remove);

function stateAt(
  path: string,
  target: Parameters<StoredStates['at']>[0],
  ...filter: [Parameters<StoredStates['at']>[1]?]
): StateResult {
  const states = new StoredStates(path);
  try {
    return states.at(target, ...filter);
  } finally {
    states.close();
  }
}

/** Names of a chain along its oldest links. */
function spine(links: readonly StateLink[]): string[] {
  const [first] = links;
  return first ? [`${first.rule} ${first.name}`, ...spine(first.waits_for)] : [];
}

function taskNamed(state: StateResult, name: string): StateResult['tasks'][number] {
  const task = state.tasks.find((candidate) => candidate.task === name);
  if (!task) throw new Error(`${name} does not wait; ${state.tasks.map((other) => other.task).join(', ')} do`);
  return task;
}

async function run(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const streams = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    colour: false,
    terminal: false,
  };
  return { status: await runCommandLine(args, streams), out, err };
}

describe('in the middle of the NMI storm', () => {
  const at = (): StateResult => stateAt(db('nmi-storm'), { tsNs: 37e9 });

  it('CPU 1 belongs to NMIs, and its quiescent state is pending', () => {
    const { cpus, grace_periods } = at();
    expect(cpus[1]).toMatchObject({ cpu: 1, task: 'user spin-1 [x]', tid: 83, storms: [{ kind: 'nmi' }] });
    expect(cpus[1].load.nmi).toBeGreaterThan(0.9);
    expect(cpus[0]).toMatchObject({ cpu: 0, tid: 0, rcu: 'quiescent', storms: [] });
    expect(grace_periods).toHaveLength(1);
    expect(grace_periods[0]).toMatchObject({ flavor: 'rcu_preempt', gp_seq: '521', reported: 1 });
    expect(grace_periods[0].holdouts).toMatchObject([{ kind: 'cpu', cpu: 1, passed_ns: null }]);
    expect(grace_periods[0].holdouts[0].load.nmi).toBeGreaterThan(0.9);
  });

  it('the closing task waits for SRCU, its worker for RCU, RCU for CPU 1, and that for its NMIs (W2, W17, W18, W4, W7)', () => {
    const task = taskNamed(at(), 'perf close-1');
    expect(task).toMatchObject({ tid: 84, state: 'blocked', letters: 'D' });
    expect(task.stack).toContain('perf_release');
    expect(spine(task.waits_for)).toEqual([
      'W2 SRCU grace period of tracepoint_srcu (0xffffffff81ee05a0)',
      'W17 kworker/0:1:9',
      'W18 rcu_preempt grace period 521',
      'W4 CPU 1',
      'W7 NMIs on CPU 1',
    ]);
    const cpu = task.waits_for[0].waits_for[0].waits_for[0].waits_for[0];
    expect(cpu.waits_for.map((link) => link.name)).toContain('NMIs on CPU 1');
  });

  it('lists the waits, the oldest first, and the work behind them', () => {
    const { tasks, sync_waits, work } = at();
    const since = tasks.map((task) => task.since_ns ?? 0);
    expect(since).toEqual([...since].sort((a, b) => a - b));
    expect(sync_waits.map((wait) => wait.api)).toContain('synchronize_srcu');
    expect(work.filter((item) => item.state === 'running').map((item) => item.function)).toEqual([
      'process_srcu',
      'process_srcu',
    ]);
  });

  it('before the storm nobody waits', () => {
    const { tasks, grace_periods, cpus } = stateAt(db('nmi-storm'), { tsNs: 27.6e9 });
    expect(tasks.filter((task) => task.waits_for.length > 0)).toEqual([]);
    expect(grace_periods).toEqual([]);
    expect(cpus.flatMap((cpu) => cpu.storms)).toEqual([]);
  });

  it('shows one task or one CPU only', () => {
    const one = stateAt(db('nmi-storm'), { tsNs: 37e9 }, { task: { tid: 9 } });
    expect(one.tasks.map((task) => task.task)).toEqual(['kworker/0:1']);
    expect(one.work.map((item) => item.tid)).toEqual([9]);
    const cpu = stateAt(db('nmi-storm'), { tsNs: 37e9 }, { cpu: 1 });
    expect(cpu.cpus.map((state) => state.cpu)).toEqual([1]);
    expect(cpu.tasks).toEqual([]);
    // A task that does not wait is shown when it is asked for.
    const running = stateAt(db('nmi-storm'), { tsNs: 37e9 }, { task: { comm: 'user spin-1 [x]' } });
    expect(running.tasks).toMatchObject([{ tid: 83, state: 'running', waits_for: [{ name: 'CPU 1' }] }]);
  });
});

describe('other instants', () => {
  it('a preempted reader waits for the CPU that a SCHED_FIFO task has (W5, W9)', () => {
    const state = stateAt(db('preempted-reader'), { tsNs: 22.9e9 });
    expect(spine(taskNamed(state, 'lab_rcuupd').waits_for)).toEqual([
      'W1 rcu_preempt grace period 345',
      'W5 lab_rcuread:83',
      'W9 CPU 1',
      'W8 lab_fifo:84',
    ]);
    expect(state.readers).toMatchObject([{ kind: 'preempted', domain: 'rcu_preempt', task: 'lab_rcuread', tid: 83 }]);
    expect(state.runnable[0]).toMatchObject({ task: 'lab_rcuread', tid: 83, cpu: 1 });
  });

  it('crossed readers close a cycle (W19, S3.23)', () => {
    const state = stateAt(db('srcu-deadlock'), { tsNs: 25e9 });
    const [first] = taskNamed(state, 'lab_rdA').waits_for;
    expect(spine([first]).slice(1, 4)).toEqual([
      'W19 lab_rdB:83',
      'W2 SRCU grace period of lab_srcu_a (0xffffffffa0005500)',
      'W19 lab_rdA:82',
    ]);
    expect(first.waits_for[0].waits_for[0].waits_for[0].repeats).toBe('cycle');
  });

  it('a task waits for a lock, its owner for another (W22, W23)', async () => {
    const capture = textCapture(
      'locks.txt',
      trace`
        one-1  [000] .....  1.0: lock_acquire: 00000000000000a0 lock_a
        one-1  [000] .....  1.000001: lock_acquired: 00000000000000a0 lock_a
        two-2  [001] .....  2.0: lock_acquire: 00000000000000b0 lock_b
        two-2  [001] .....  2.000001: lock_acquired: 00000000000000b0 lock_b
        one-1  [000] .....  3.0: lock_acquire: 00000000000000b0 lock_b
        one-1  [000] .....  3.000001: lock_contended: 00000000000000b0 lock_b
        one-1  [000] d..2.  3.1: sched_switch: prev_comm=one prev_pid=1 prev_prio=120 prev_state=D ==> next_comm=swapper/0 next_pid=0 next_prio=120
        two-2  [001] .....  4.0: lock_acquire: 00000000000000c0 read lock_c
        two-2  [001] .....  4.000001: lock_acquired: 00000000000000c0 lock_c
        two-2  [001] .....  5.0: lock_release: 00000000000000c0 lock_c`,
    );
    await buildStore(db('locks'), [capture]);
    const state = stateAt(db('locks'), { tsNs: 4.5e9 });
    expect(spine(taskNamed(state, 'one').waits_for)).toEqual(['W22 lock_b', 'W23 two:2']);
    const held = state.locks.map(
      ({ lock, task, owned, mode }) => `${task} ${owned ? 'holds' : 'wants'} ${lock} ${mode}`,
    );
    expect(held).toEqual([
      'one holds lock_a exclusive',
      'one wants lock_b exclusive',
      'two holds lock_b exclusive',
      'two holds lock_c shared',
    ]);
    expect(state.locks[3]).toMatchObject({ address: 'c0', since_ns: 4e9 });
    expect(stateAt(db('locks'), { tsNs: 5e9 }).locks).toHaveLength(3);
    // Asking for a lock that is free is no wait.
    expect(stateAt(db('locks'), { tsNs: 4e9 }).tasks.map((task) => task.task)).toEqual(['one']);
  });

  it('says what was not recorded', () => {
    expect(stateAt(db('lock-cycle'), { event: 100 }).notes).toEqual([
      'not recorded, so not shown: RCU grace periods (rcu:*), NMIs (nmi:nmi_handler)',
    ]);
  });
});

describe('snapshots in the store', () => {
  /** The first two that were kept. */
  let first = 0;
  let second = 0;

  /** Instants all over the run. */
  const events = [1, 4096, 8181, 8182, 8192, 12000, 16362, 16363, 20000, 32724, 32725, 36802];

  /** Keeps a snapshot after every second page. @returns the events after which */
  function keepSnapshots(path: string): number[] {
    const reader = new StoreReader(path);
    const engine = new ReplayEngine({ facts: collectedFacts() });
    const kept: { event: number; body: Uint8Array }[] = [];
    let page = 0;
    for (const batch of reader.batches(1)) {
      engine.step(batch);
      if (page++ % 2 === 1)
        kept.push({ event: batch.firstEventId + batch.length - 1, body: encodeSnapshot(saveLiveState(engine)) });
    }
    reader.close();
    const store = openForWriting(path, false);
    for (const { event, body } of kept) writeSnapshot(store.db, 1, event, 0, body);
    store.commit();
    return kept.map(({ event }) => event);
  }

  function change(path: string, sql: string, ...values: unknown[]): void {
    const store = openForWriting(path, false);
    store.db.prepare(sql).run(...values);
    store.commit();
  }

  it('change nothing but the way there', async () => {
    await buildStore(db('snapshots'), ['nmi-storm.trace.txt.zst']);
    [first, second] = keepSnapshots(db('snapshots'));
    expect(second).toBeGreaterThan(first);
    for (const event of events)
      expect({ ...stateAt(db('snapshots'), { event }), run: '' }).toEqual({
        ...stateAt(db('nmi-storm'), { event }),
        run: '',
      });
  });

  it('that are damaged, of another version, or nonsense are passed over with a note', () => {
    const expected = stateAt(db('nmi-storm'), { event: 36000 });
    const good = readBody(db('snapshots'), second);
    const cases: [Uint8Array, string][] = [
      [good.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)), 'fails its checksum; an earlier one is used'],
      [good.subarray(0, 900), 'fails its checksum; an earlier one is used'],
      [good.subarray(0, 3), 'has 3 bytes only; an earlier one is used'],
      [
        Uint8Array.from(good, (byte, i) => (i === 0 ? 9 : byte)),
        'is of format 9, this is format 1; an earlier one is used',
      ],
      [
        encodeSnapshot({ version: 999 }),
        `is of version 999, this is version ${LIVE_STATE_VERSION}; an earlier one is used`,
      ],
      [
        encodeSnapshot({ version: LIVE_STATE_VERSION, cpus: { cpus: { keys: ['cpu'], rows: [[0]] } } }),
        'properties differ',
      ],
      [encodeSnapshot([1, 2, 3]), 'is of version undefined'],
      [encodeSnapshot(null), ''],
    ];
    for (const [bytes, note] of cases) {
      change(db('snapshots'), 'UPDATE snapshot SET body = ? WHERE event_id = ?', bytes, second);
      const { notes, run, ...state } = stateAt(db('snapshots'), { event: 36000 });
      expect(notes[0]).toContain(`the snapshot at event ${second} ${note}`);
      expect({ ...state, notes: notes.slice(1), run }).toEqual(expected);
    }
    // None left, and one that is not at the end of a page.
    change(db('snapshots'), 'UPDATE snapshot SET event_id = ? WHERE event_id = ?', first + 1, first);
    const { notes, ...state } = stateAt(db('snapshots'), { event: 36000 });
    expect(notes.slice(0, 2)).toEqual([
      expect.stringContaining(`event ${second}`),
      `the snapshot at event ${first + 1} is not at the end of a page; an earlier one is used`,
    ]);
    expect({ ...state, notes: notes.slice(2) }).toEqual(expected);
  });

  it('are kept while a long run is stored, and again when it is replayed', async () => {
    const lines = Array.from({ length: 140_000 }, (_, i) => {
      const [from, to] = i % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
      const pid = (name: string): number => (name === 'a' ? 1 : 2);
      const seconds = `${Math.floor(i / 1e5)}.${String((i % 1e5) * 10).padStart(6, '0')}`;
      return ` ${from}-${pid(from)} [000] d..2. ${seconds}: sched_switch: prev_comm=${from} prev_pid=${pid(from)} prev_prio=120 prev_state=S ==> next_comm=${to} next_pid=${pid(to)} next_prio=120`;
    });
    await buildStore(db('long'), [textCapture('long.txt', `# tracer: nop\n#\n${lines.join('\n')}\n`)]);
    const reader = new StoreReader(db('long'));
    const kept = reader.snapshots(1, 140_000).map(({ event }) => event);
    reader.close();
    expect(kept).toHaveLength(1);
    expect(kept[0]).toBeGreaterThanOrEqual(131072);
    const { cpus, tasks } = stateAt(db('long'), { event: 139_999 }, { task: { comm: 'a' } });
    expect(cpus[0]).toMatchObject({ task: 'b', tid: 2 });
    expect(tasks).toMatchObject([{ tid: 1, state: 'sleeping', letters: 'S' }]);
  });
});

function readBody(path: string, event: number): Uint8Array {
  const store = openForWriting(path, false);
  const body = store.db.prepare('SELECT body FROM snapshot WHERE event_id = ?').pluck().get(event) as Uint8Array;
  store.abort();
  return body;
}

describe('targets and steps', () => {
  it('a time is after everything up to it, an event right after itself', () => {
    const event = stateAt(db('nmi-storm'), { event: 2998 });
    expect(event.at_ns).toBe(event.event?.ts_ns);
    expect(stateAt(db('nmi-storm'), { tsNs: event.at_ns - 1 }).event?.event).toBeLessThan(2998);
    expect(stateAt(db('nmi-storm'), { tsNs: event.at_ns }).event?.event).toBeGreaterThanOrEqual(2998);
  });

  it('outside the run is an error that tells its span', () => {
    expect(() => stateAt(db('nmi-storm'), { tsNs: 99e9 })).toThrow(
      new StateError('outside run 1, which has events 1 to 36802 from 27.003989 to 44.643917 s'),
    );
    for (const target of [{ event: 0 }, { event: 36803 }, { tsNs: 1 }])
      expect(() => stateAt(db('nmi-storm'), target)).toThrow(StateError);
  });

  it('steps to the next and previous event of a name, a CPU, a task', () => {
    const states = new StoredStates(db('nmi-storm'));
    const next = states.step({ event: 9000 }, 1, 'sched_switch', {});
    const back = states.step(next, -1, 'sched_switch', {});
    expect(back).not.toEqual(next);
    expect(states.step(back, 1, 'sched_switch', {})).toEqual(next);
    expect(states.at(next).event?.name).toBe('sched_switch');
    expect(states.at(states.step({ tsNs: 31e9 }, 1, undefined, { cpu: 0 })).event).toMatchObject({ cpu: 0 });
    expect(states.at(states.step({ tsNs: 31e9 }, -1, undefined, { comm: 'perf close-1' })).event).toMatchObject({
      tid: 84,
    });
    expect(states.at(states.step({ tsNs: 31e9 }, 1, 'nmi_handler', { tid: 83 })).event).toMatchObject({
      tid: 83,
      name: 'nmi_handler',
    });
    // A time that an event has: the next one is after it, the previous one before it.
    const { ts_ns } = states.at(next).event as NonNullable<StateResult['event']>;
    expect(states.step({ tsNs: ts_ns - 1 }, 1, 'sched_switch', {})).toEqual(next);
    expect(states.step({ tsNs: ts_ns }, -1, 'sched_switch', {})).toEqual(back);
    expect(() => states.step({ event: 9000 }, 1, 'no_such', {})).toThrow(
      /has no event "no_such"; it has .*sched_switch/,
    );
    expect(() => states.step({ event: 36802 }, 1, undefined, { cpu: 1, comm: 'x' })).toThrow(
      'no event on CPU 1 of x after that instant in run 1',
    );
    states.close();
  });
});

describe('quiesce state', () => {
  it('prints at most 100 columns, shared chains once', async () => {
    const { status, out } = await run('state', db('nmi-storm'), '--at', '37');
    expect(status).toBe(0);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(out).toContain('NMIs take 99.7 % of it, above the threshold for 8.78 s');
    expect(out.match(/quiescent state pending, NMIs took (99|100)\.\d % of it since/g)).toHaveLength(1);
    expect(out).toContain('└ rcu_preempt grace period 521 for 8.29 s, as above');
  });

  it('gives a task with its whole stack', async () => {
    const { out } = await run('state', db('nmi-storm'), '--at', '37', '--task', 'perf close-1:84');
    expect(out).toMatch(/perf close-1:84, blocked \(D\), CPU 0/);
    expect(out).toContain('perf_event_release_kernel');
    expect(out).not.toContain('lab_rcuupd');
  });

  it('takes times in several units, with a printed microsecond meaning all of it', async () => {
    const at = async (instant: string): Promise<number> =>
      (JSON.parse((await run('state', db('nmi-storm'), '--at', instant, '--json')).out) as StateResult).at_ns;
    expect(await at('28.75')).toBe(28_750_000_000);
    expect(await at('28750ms')).toBe(28_750_000_000);
    expect(await at('28750000001ns')).toBe(28_750_000_001);
    expect(await at('28.749416')).toBe(28_749_416_499);
    expect(await at('+1.5')).toBe(28_503_989_000);
    expect(await at('event:1')).toBe(27_003_989_000);
  });

  it('answers JSON as documented', async () => {
    const { out } = await run('state', db('nmi-storm'), '--at', '37', '--json');
    const result = JSON.parse(out) as StateResult;
    expect(result.schema).toBe('quiesce.state/1');
    expect(result).toEqual(stateAt(db('nmi-storm'), { tsNs: 37e9 }));
    const documented = readFileSync(new URL('../../schema/answers/state.ts', import.meta.url), 'utf8');
    for (const key of Object.keys(result)) expect(documented).toContain(`readonly ${key}`);
  });

  it('refuses what it cannot do with one line and status 2', async () => {
    for (const [args, message] of [
      [['--at', 'noon'], /a time such as 28\.75/],
      [['--at', '1.5ns'], /a time such as 28\.75/],
      [['--at', '99'], /outside run 1/],
      [['--at', '30', '--cpu', 'x'], /the number of a CPU/],
      [['--at', '30', '--next', 'foo'], /has no event "foo"/],
      [['--at', '30', '--next', '--prev'], /cannot be used with/],
      [[], /required option '--at/],
    ] as const) {
      const { status, err, out } = await run('state', db('nmi-storm'), ...args);
      expect(err).toMatch(message);
      expect({ status, out }).toEqual({ status: 2, out: '' });
    }
    expect((await run('state', db('missing'), '--at', '1')).status).toBe(3);
    expect((await run('state', db('nmi-storm'), '--at', '1', '--run', '7')).err).toMatch(/has no run 7/);
  });

  it('shows control characters of names, and does not send them', () => {
    const state = stateAt(db('nmi-storm'), { tsNs: 37e9 });
    const hostile = { ...state, tasks: state.tasks.map((task) => ({ ...task, task: 'evil\u001b[31m' })) };
    expect(stateText(hostile, { style: PLAIN, fullStacks: false })).not.toContain('\u001b');
  });
});
