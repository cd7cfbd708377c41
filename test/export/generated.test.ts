/** Recordings that no machine here makes, in Perfetto's engine: names made to break things, thousands of tasks and CPUs, losses, gaps. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { openStore, type Store } from '../../src/jobs/store.ts';
import type { FieldValue } from '../../src/jobs/trace-event.ts';
import { quiesce } from '../support/command-line.ts';
import { textCapture } from '../support/sample-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  askTraceProcessor,
  ENGINE_IS_THERE,
  type EngineRow,
  WITH_ENGINE,
} from '../support/trace-processor/trace-processor.ts';
import { schedRows, sortedLines, stateRows } from '../support/viewer-rows.ts';

const CPUS = 1024;
const TASKS = 5000;
const FIRST_TID = 100;

const NAMES = [
  'a b',
  'x=1 pid=7',
  '==>',
  "Robert'); --",
  '"quoted"',
  '<b>bold</b>',
  'C:\\temp\\n',
  'größe',
  '進程',
  '🙂🙂🙂',
  '\u202egnp.exe',
  '\u001b[31mred',
  '[1023]',
  '%s%n',
  'null',
];

const nameOf = (task: number): string => (task % 7 === 0 ? NAMES[(task / 7) % NAMES.length] : `task ${task}`);

function line(comm: string, tid: number, cpu: number, ns: number, event: string): string {
  const seconds = `${Math.floor(ns / 1e9)}.${String(Math.floor((ns % 1e9) / 1e3)).padStart(6, '0')}`;
  const who = `${comm.padStart(16)}-${tid}`.padEnd(24);
  return `${who} [${String(cpu).padStart(3, '0')}] d..2. ${seconds}: ${event}\n`;
}

function switched(
  ns: number,
  cpu: number,
  prev: readonly [string, number, string],
  next: readonly [string, number],
): string {
  return line(
    prev[0],
    prev[1],
    cpu,
    ns,
    `sched_switch: prev_comm=${prev[0]} prev_pid=${prev[1]} prev_prio=120 prev_state=${prev[2]} ==> next_comm=${next[0]} next_pid=${next[1]} next_prio=120`,
  );
}

const START_NS = 1e9;
const HOUR_NS = 3600e9;

/** Each task is woken, runs once, and sleeps in one of the states; after half of them the clock jumps by an hour. */
function recording(): string {
  const lines: string[] = ['# tracer: nop\n#\n'];
  let ns = START_NS;
  const tick = (): number => {
    ns += 1000;
    return ns;
  };
  const states = ['S', 'D', 'R', 'R+', 'T', 'I', 'X', 'Z', 'P'];
  for (let task = 0; task < TASKS; task++) {
    const cpu = task % CPUS;
    const idle = `swapper/${cpu}`;
    const [name, tid] = [nameOf(task), FIRST_TID + task];
    if (task === TASKS / 2) ns += HOUR_NS;
    lines.push(line(idle, 0, cpu, tick(), `sched_waking: comm=${name} pid=${tid} prio=120 target_cpu=${cpu}`));
    lines.push(switched(tick(), cpu, [idle, 0, 'R'], [name, tid]));
    lines.push(line(name, tid, cpu, tick(), `made_up: a=${task} b=0x${(2 ** 40 + task).toString(16)} text=${name}`));
    lines.push(switched(tick(), cpu, [name, tid, states[task % states.length]], [idle, 0]));
    if (task === 10 || task === 3000) lines.push(`CPU:${cpu} [LOST ${task} EVENTS]\n`);
  }
  lines.push(line('beyond', 9_000_000, CPUS + 3, ns + 1000, 'made_up: a=1'));
  return lines.join('');
}

const STATEMENTS = {
  problems: `SELECT name, idx, value, severity FROM stats WHERE value != 0 AND severity IN ('error', 'data_loss')`,
  sched: `SELECT cpu, tid, ts, dur, priority AS prio, end_state FROM sched JOIN thread USING (utid)`,
  states: `SELECT tid, ts, dur, state FROM thread_state JOIN thread USING (utid)`,
  threads: `SELECT tid, name FROM thread`,
  lost: `SELECT ts, name, extract_arg(arg_set_id, 'debug.cpu') AS cpu FROM slice WHERE category = 'lost'`,
  cpus: `SELECT count(*) AS cpus FROM cpu`,
  fields: `SELECT f.ts, f.name AS event, f.cpu, a.key, coalesce(a.string_value, a.int_value) AS value
           FROM ftrace_event AS f JOIN args AS a USING (arg_set_id) WHERE f.name = 'made_up'`,
} as const;

describe.skipIf(!ENGINE_IS_THERE)(`${TASKS} tasks on ${CPUS} CPUs ${WITH_ENGINE}`, () => {
  const folder = temporaryFolder();
  let store: Store;
  let notes = '';
  let answers: Record<keyof typeof STATEMENTS, EngineRow[]>;

  beforeAll(async () => {
    const db = join(folder.path, 'run.db');
    const trace = join(folder.path, 'run.pftrace');
    await replayCaptures([textCapture('generated.trace.txt', recording())], { db, threads: 1 });
    const { status, err } = await quiesce('export', db, '--format', 'perfetto', '-o', trace);
    expect(status).toBe(0);
    notes = err;
    store = openStore(db);
    const rows = askTraceProcessor(trace, Object.values(STATEMENTS));
    answers = Object.fromEntries(Object.keys(STATEMENTS).map((key, i) => [key, rows[i]])) as typeof answers;
  }, 300_000);
  afterAll(() => {
    store?.close();
    folder.remove();
  });

  it('the losses that the recording has, and no others', () => {
    const cpus = answers.problems.map(({ name, idx }) => [name, idx]);
    expect(cpus).toEqual([
      ['ftrace_cpu_has_data_loss', 10],
      ['ftrace_cpu_has_data_loss', 3000 % CPUS],
    ]);
    const columns = ['ts', 'cpu'];
    expect(sortedLines(answers.lost, columns)).toEqual(
      sortedLines(store.query('SELECT ts_ns AS ts, cpu FROM lost_event'), columns),
    );
    expect(answers.lost).toHaveLength(2);
  });

  it('a CPU that Perfetto cannot show is told', () => {
    expect(notes).toMatch(/^quiesce: 1 event belongs to no CPU.* left out\n$/);
  });

  it('every name, letter by letter', () => {
    const names = new Map(answers.threads.map(({ tid, name }) => [tid, name]));
    for (const { tid, comm } of store.query(
      'SELECT DISTINCT next_pid AS tid, next_comm AS comm FROM sched_switch WHERE next_pid > 0',
    ))
      expect([tid, names.get(tid as number)]).toEqual([tid, comm]);
    for (const name of NAMES) expect([...names.values()]).toContain(name);
    expect(names.size).toBeGreaterThanOrEqual(TASKS);
  });

  it('scheduling and states across the gap', () => {
    const columns = ['cpu', 'tid', 'ts', 'dur', 'prio', 'end_state'];
    expect(sortedLines(answers.sched, columns)).toEqual(sortedLines(schedRows(store), columns));
    const states = stateRows(store.events({ names: ['sched_switch', 'sched_waking'] }));
    expect(sortedLines(answers.states, ['tid', 'ts', 'dur', 'state'])).toEqual(
      sortedLines(states, ['tid', 'ts', 'dur', 'state']),
    );
    expect(answers.sched.length).toBe(2 * TASKS);
  });

  it('unknown events with all their fields', () => {
    const plain = (value: FieldValue): string | number => (typeof value === 'bigint' ? Number(value) : value);
    const wanted = [...store.events({ names: ['made_up'] })]
      .filter(({ cpu }) => cpu !== null && cpu < CPUS)
      .flatMap(({ ts_ns, cpu, fields }) =>
        Object.entries(fields).map(([key, value]) => ({ ts: ts_ns, cpu, key, value: plain(value) })),
      );
    const columns = ['ts', 'cpu', 'key', 'value'];
    expect(sortedLines(answers.fields, columns)).toEqual(sortedLines(wanted, columns));
    expect(wanted.length).toBeGreaterThanOrEqual(3 * TASKS);
  });
});
