/** Thresholds on the command line, and those that the answer says were in force. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReplayResult } from '../../schema/index.ts';
import { parseKernelProfile } from '../../src/cli/options/kernel-profile.ts';
import { parseThreshold } from '../../src/cli/options/thresholds.ts';
import { StoreReader } from '../../src/store/run-reader.ts';
import { quiesce } from '../support/command-line.ts';
import { folderForEachTest, writeFileIn } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

const LOG = `[    0.000000] Linux version 6.12.117 (gcc) #1 SMP PREEMPT_DYNAMIC
[    0.000000] Kernel command line: root=/dev/vda workqueue.watchdog_thresh=10
[    0.000000] rcu: 	RCU CPU stall warnings timeout set to 8 (rcu_cpu_stall_timeout).
[    0.000000] rcu: 	RCU lockdep checking is enabled.
`;
/** Queued on CPU 0, whose only worker spins for 12 s. */
const TRACE = `# tracer: nop
             a-7       [000] .....     1.000000: workqueue_queue_work: work struct=00000000deadbee0 function=spin_fn workqueue=events req_cpu=0 cpu=0
             a-7       [000] .....     1.000001: workqueue_activate_work: work struct 00000000deadbee0
   kworker/0:1-9       [000] .....     1.000100: workqueue_execute_start: work struct 00000000deadbee0: function spin_fn
   kworker/0:1-9       [000] .....     1.000200: workqueue_queue_work: work struct=00000000deadbee8 function=late_fn workqueue=events req_cpu=0 cpu=0
   kworker/0:1-9       [000] .....     1.000201: workqueue_activate_work: work struct 00000000deadbee8
   kworker/0:1-9       [000] .....    13.000200: workqueue_execute_end: work struct 00000000deadbee0: function spin_fn
   kworker/0:1-9       [000] .....    13.000300: workqueue_execute_start: work struct 00000000deadbee8: function late_fn
   kworker/0:1-9       [000] .....    13.000400: workqueue_execute_end: work struct 00000000deadbee8: function late_fn
`;

async function answer(...args: string[]): Promise<ReplayResult> {
  const { out, err, status } = await quiesce('replay', '--json', '--quiet', ...args);
  expect([status, err]).toEqual([0, '']);
  return JSON.parse(out) as ReplayResult;
}

const stalls = ({ findings }: ReplayResult): number => findings.filter(({ kind }) => kind === 'workqueue-stall').length;

describe('--threshold', () => {
  it('takes durations and shares of a kind, several times', () => {
    const both = parseThreshold('nmi-storm=2s', parseThreshold('nmi-storm=40%'));
    expect(both).toEqual({ nmiStormShare: 0.4, nmiStormWindowNs: 2e9 });
    expect(parseThreshold('irq-storm=0.8')).toEqual({ irqStormShare: 0.8 });
    expect(parseThreshold('workqueue-stall=10s')).toEqual({ workqueueStallNs: 10e9 });
    expect(() => parseThreshold('hung-task=50%')).toThrow(/not a duration/);
    expect(() => parseThreshold('storm=1')).toThrow(/kinds: rcu-stall, /);
  });

  it('of a stalled work item: an option, a profile key, the log', async () => {
    const trace = writeFileIn(folder.path, 'trace.txt', TRACE);
    const log = writeFileIn(folder.path, 'dmesg.txt', LOG);
    const db = ['--db', ':memory:'];
    expect(stalls(await answer(trace, ...db))).toBe(0);
    expect(stalls(await answer(trace, ...db, '--threshold', 'workqueue-stall=10s'))).toBe(1);
    expect(stalls(await answer(trace, ...db, '--profile', 'wq_watchdog_thresh=10'))).toBe(1);
    expect(stalls(await answer(trace, log, ...db))).toBe(1);
    expect(stalls(await answer(trace, log, ...db, '--threshold', 'workqueue-stall=20s'))).toBe(0);
    expect(parseKernelProfile('wq-watchdog-thresh=10')).toEqual({ wqWatchdogThreshS: 10 });
  });
});

it('the answer has the thresholds in force, and the store what was given: a replay from it says the same', async () => {
  const db = join(folder.path, 'runs.db');
  const log = writeFileIn(folder.path, 'dmesg.txt', LOG);
  const first = await answer(log, '--db', db, '--threshold', 'hung-task=7s');
  expect(first.run.thresholds).toMatchObject({ rcuStallNs: 13e9, hungTaskNs: 7e9, workqueueStallNs: 10e9 });
  const again = await answer(db);
  expect(again.run.thresholds).toEqual(first.run.thresholds);
  const reader = new StoreReader(db);
  expect(reader.settings(1).thresholds).toEqual({ hungTaskNs: 7e9 });
  reader.close();
});
