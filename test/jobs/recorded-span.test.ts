/** A run covers what its trace recorded: the log beside it may begin earlier and end later, and neither changes a number. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ReplayResult } from '../../schema/index.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { StateError, StoredStates } from '../../src/jobs/stored-states.ts';
import { runNamedQuery } from '../../src/query/named-catalog.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { quiesce } from '../support/command-line.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();
let db: string;

beforeEach(() => {
  db = join(folder.path, 'runs.db');
});

/** CPU 0 records for 4 s, CPU 1 for the last 2 s only; it is in a handler for 1 s of them, and `hog` never leaves it. */
const TRACE = textCapture(
  'trace.txt',
  `# tracer: nop
          <idle>-0       [000] d..2.    20.000000: console: lab: the only line that both have
          <idle>-0       [000] d..2.    20.000010: sched_waking: comm=waits pid=9 prio=120 target_cpu=000
           waits-9       [000] d..2.    20.000020: sched_switch: prev_comm=waits prev_pid=9 prev_prio=120 prev_state=D ==> next_comm=swapper/0 next_pid=0 next_prio=120
          <idle>-0       [001] d..2.    22.000000: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=hog next_pid=7 next_prio=120
             hog-7       [001] d.h2.    22.500000: irq_handler_entry: irq=9 name=lab
             hog-7       [001] d.h2.    23.500000: irq_handler_exit: irq=9 ret=handled
          <idle>-0       [000] d..2.    24.000000: sched_waking: comm=hog pid=7 prio=120 target_cpu=001
`,
);

/** Begins 10 s before the trace and goes on for five minutes after it. */
const LOG = textCapture(
  'dmesg.txt',
  `[    0.000000] Linux version 6.12.117-labA (gcc) #1 SMP PREEMPT_DYNAMIC
[   10.000000] lab: the only line that both have
[  314.000000] usb 1-1: new high-speed USB device number 2
`,
);

async function bothWays(): Promise<[alone: ReplayResult, withLog: ReplayResult]> {
  return [await replayCaptures([TRACE], { db }), await replayCaptures([TRACE, LOG], { db })];
}

function named(name: string): unknown[][] {
  const connection = new QueryConnection(db);
  try {
    return [...runNamedQuery(connection, name, {}).rows].map((row) => [...row]);
  } finally {
    connection.close();
  }
}

describe('the span of a run', () => {
  it('is that of the trace, and each capture has its own', async () => {
    const [alone, withLog] = await bothWays();
    for (const { run } of [alone, withLog]) expect([run.first_ns, run.last_ns]).toEqual([20e9, 24e9]);
    const [trace, log] = withLog.run.captures;
    expect([trace.first_ns, trace.last_ns]).toEqual([20e9, 24e9]);
    expect([log.first_ns, log.last_ns]).toEqual([10e9, 324e9]);
    const spans = ({ findings }: ReplayResult) => findings.map((f) => [f.kind, f.title, f.start_ns, f.end_ns]);
    expect(spans(withLog)).toEqual(spans(alone));
  });

  it('is that of the log where nothing else was recorded', async () => {
    const { run } = await replayCaptures([LOG], { db });
    expect([run.first_ns, run.last_ns]).toEqual([0, 314e9]);
  });

  it('is the measure of every named query: the log changes no row', async () => {
    await replayCaptures([TRACE], { db });
    const names = [
      'cpu-time-by-task',
      'interrupt-share',
      'activity-over-time',
      'blocked-by-task',
      'interrupts-by-handler',
    ];
    const alone = names.map(named);
    db = join(folder.path, 'with-log.db');
    await replayCaptures([TRACE, LOG], { db });
    expect(names.map(named)).toEqual(alone);
  });
});

describe('shares of a CPU', () => {
  it('are of the time for which that CPU was recorded', async () => {
    await replayCaptures([TRACE, LOG], { db });
    expect(named('interrupt-share').map((row) => [row[1], row[2], row[5]])).toEqual([[1n, 'hardirq', 0.5]]);
    const hog = named('cpu-time-by-task').find((row) => row[2] === 'hog');
    expect([hog?.[1], hog?.[5], hog?.[6]]).toEqual([1n, 2_000_000_000n, 1]);
  });
});

describe('the state', () => {
  it('at an instant that only the log reaches is that at the end of the trace, and says so', async () => {
    await replayCaptures([TRACE, LOG], { db });
    const states = new StoredStates(db);
    try {
      const { at_ns, notes } = states.at({ tsNs: 124e9 });
      expect(at_ns).toBe(24e9);
      expect(notes.join('\n')).toContain('the trace ends at 24.000000 s, 100 s before that instant');
      expect(() => states.at({ tsNs: 15e9 })).toThrow(StateError);
      expect(() => states.at({ tsNs: 400e9 })).toThrow(/outside run 1/);
    } finally {
      states.close();
    }
  });

  it('shows waits as long as the trace saw them', async () => {
    await replayCaptures([TRACE, LOG], { db });
    const { out } = await quiesce('state', db, '--at', '300', '--task', 'waits');
    expect(out).toContain('4.00 s  waits:9');
    expect(out).not.toContain('280 s');
  });
});
