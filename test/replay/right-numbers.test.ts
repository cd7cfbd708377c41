/** Numbers that people compare with those of other tools. */
import { describe, expect, it } from 'vitest';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { StoredStates } from '../../src/jobs/stored-states.ts';
import { rtPriority } from '../../src/replay/knowledge/priorities.ts';
import { findingsOf, hungTask, replayLog, stamped } from '../support/replay-log.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

describe('priorities', () => {
  it('are those of chrt and ps: 99 less the number of the kernel', () => {
    expect([rtPriority(49), rtPriority(98), rtPriority(0)]).toEqual([50, 1, 99]);
  });
});

describe('seconds of the hung-task detector', () => {
  it('are whole ones, in every report of the same wait', async () => {
    const text = `${hungTask(243.123457, 'w:170', 143, ['synchronize_rcu', 'schedule'])}${hungTask(386.123999, 'w:170', 286, ['synchronize_rcu', 'schedule'])}`;
    const outcome = await replayLog(text);
    for (const kind of ['hung-task', 'blocked-sync'] as const) {
      const [found] = findingsOf(outcome, kind);
      expect(found.blocked_ns).toBe(286e9);
      expect(found.end_ns - found.start_ns).toBe(286e9);
    }
  });
});

describe('what a log does not say itself', () => {
  it('is not among what it reports', async () => {
    const lines = [1, 2, 3].map(
      (ms) => `INFO: NMI handler (perf_event_nmi_handler) took too long to run: ${ms}00.000 msecs`,
    );
    const [storm] = findingsOf(await replayLog(stamped(10, lines)), 'nmi-storm');
    const note = storm.notes.find(({ text }) => text.startsWith('only runs longer'));
    expect(note?.basis).toBe('background');
  });
});

describe('the running average of perf', () => {
  it('is no longest interrupt', async () => {
    const steps = [2500, 3200, 25000, 41000].map(
      (ns, i) =>
        `perf: interrupt took too long (${ns} > ${Math.round(ns / 1.2)}), lowering kernel.perf_event_max_sample_rate to ${50000 - 1000 * i}`,
    );
    const [storm] = findingsOf(await replayLog(stamped(10, steps)), 'nmi-storm');
    expect(storm.title).toContain('on average up to 41.0 µs');
    expect(storm.title).not.toContain('longest');
    expect(storm).toMatchObject({ max_ns: null, average_ns: 41_000 });
  });
});

describe('the load that state shows', () => {
  it('is no storm when it is over, and never more than all', async () => {
    const lines = ['# tracer: nop'];
    for (let us = 1e6; us < 4e6; us += 1000)
      lines.push(
        `             a-7       [001] d.z1.     ${(us / 1e6 + 0.0009).toFixed(6)}: nmi_handler: perf_event_nmi_handler() delta_ns: 899000 handled: 1`,
      );
    lines.push('             a-7       [001] .....     9.000000: rcu_utilization: Start context switch', '');
    const db = `${folderOfTest()}/state.db`;
    await replayCaptures([textCapture('trace.txt', lines.join('\n'))], { db });
    const states = new StoredStates(db);
    const at = (s: number) => states.at({ tsNs: s * 1e9 }).cpus.find(({ cpu }) => cpu === 1);
    expect(at(3)?.storms.map(({ kind }) => kind)).toEqual(['nmi']);
    expect(at(3)?.load.nmi).toBeGreaterThan(0.85);
    expect(at(3)?.load.nmi).toBeLessThanOrEqual(1);
    expect(at(8)).toMatchObject({ storms: [], load: { nmi: 0 } });
    states.close();
  });
});

describe('a cycle through the map of a work item', () => {
  it('may deadlock or not: the map is a copy on the stack of the worker, and its address tells nothing (L5.18)', async () => {
    const lock = (task: string, at: number, how: string, address: string, name: string): string =>
      `${task.padStart(16)}       [000] .....     ${at.toFixed(6)}: lock_${how}: ${address} ${name}`;
    const [copy, item, m] = ['ffffc90000013e58', 'ffff888000000010', '00000000000000a1'];
    const work = '(work_completion)(&a->work)';
    const { findings } = await replayCaptures([
      textCapture(
        'trace.txt',
        [
          '# tracer: nop',
          lock('kworker/0:1-9', 1.1, 'acquire', copy, work),
          lock('kworker/0:1-9', 1.2, 'acquire', m, 'm'),
          lock('kworker/0:1-9', 1.3, 'release', m, 'm'),
          lock('kworker/0:1-9', 1.4, 'release', copy, work),
          lock('t-7', 2.1, 'acquire', m, 'm'),
          lock('t-7', 2.2, 'acquire', item, work),
          lock('t-7', 2.3, 'release', item, work),
          lock('t-7', 2.4, 'release', m, 'm'),
          '',
        ].join('\n'),
      ),
    ]);
    expect(findings).toMatchObject([{ kind: 'lock-inversion', feasible: 'unknown' }]);
  });
});
