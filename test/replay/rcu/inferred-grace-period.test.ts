/** Grace periods of kernels without CONFIG_RCU_TRACE, from scheduling and stacks alone (R2.2, R2.6, MODEL 2.7, W4.13). */
import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { to, trace, wakeup } from '../../support/replay-dsl.ts';

const IDLE = 'swapper/0:0';
const IDLE1 = 'swapper/1:0';
const KTHREAD = 'rcu_preempt:15';

const stack = (line: string, ...frames: readonly string[]): string =>
  [`${line} <stack trace>`, ...frames.map((frame) => `=> ${frame}`)].join('\n');
const IN_SYNCHRONIZE_RCU = [
  '__schedule',
  'schedule',
  'schedule_timeout',
  'wait_for_completion',
  'synchronize_rcu_normal',
];
const TICK = ['rcu_sched_clock_irq', 'update_process_times', 'hrtimer_interrupt', 'asm_sysvec_apic_timer_interrupt'];

/** Calls of synchronize_rcu() one after another, each of `lengthS`. */
function calls(count: number, lengthS: number): string {
  return Array.from({ length: count }, (_, call) => {
    const at = (offsetS: number): string => (1 + call * (lengthS + 0.001) + offsetS).toFixed(6);
    return [
      `a-7 [000] d..2. ${at(0)}: ${to('a:7', 'D', IDLE)}`,
      stack(`a-7 [000] d..2. ${at(0.000001)}:`, ...IN_SYNCHRONIZE_RCU),
      `rcu_preempt-15 [001] d..4. ${at(lengthS)}: ${wakeup('a:7')}`,
      `<idle>-0 [000] d..2. ${at(lengthS + 0.000002)}: ${to(IDLE, 'R', 'a:7')}`,
    ].join('\n');
  }).join('\n');
}

describe('a loop over synchronize_rcu() that only stacks show', () => {
  it('is as many waits as there were calls: complete() ends each (W4.13)', async () => {
    const outcome = await replayText(trace`${calls(60, 0.025)}`);
    expect(outcome.facts.syncWaits).toHaveLength(60);
    expect(Math.max(...outcome.facts.syncWaits.map((wait) => (wait.endNs ?? 0) - wait.startNs))).toBe(25e6);
    expect(ofKind(outcome, 'blocked-sync')).toEqual([]);
  });

  it.each(['synchronize_rcu_normal.part.0', 'synchronize_rcu_normal.isra.0', 'synchronize_rcu.constprop.0'])(
    'is known by %s too: compilers split functions',
    async (frame) => {
      const { facts } = await replayText(trace`
        a-7 [000] d..2. 1.000: ${to('a:7', 'D', IDLE)}
        ${stack('a-7 [000] d..2. 1.000001:', '__schedule', 'wait_for_completion', frame, 'do_syscall_64')}
        rcu_preempt-15 [001] d..4. 3.500: ${wakeup('a:7')}`);
      expect(facts.syncWaits).toMatchObject([{ api: 'synchronize_rcu', startNs: 1e9, endNs: 3.5e9 }]);
    },
  );

  it('is one wait where its task sleeps for a lock on the way', async () => {
    const { facts } = await replayText(trace`
      a-7 [000] d..2. 1.000: ${to('a:7', 'D', IDLE)}
      ${stack('a-7 [000] d..2. 1.000001:', '__schedule', 'exp_funnel_lock', 'synchronize_rcu_expedited')}
      rcu_preempt-15 [001] d..4. 1.500: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 1.501: ${to(IDLE, 'R', 'a:7')}
      a-7 [000] d..2. 1.502: ${to('a:7', 'D', IDLE)}
      ${stack('a-7 [000] d..2. 1.502001:', '__schedule', 'schedule', 'synchronize_rcu_expedited')}
      rcu_preempt-15 [001] d..4. 3.500: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 3.501: ${to(IDLE, 'R', 'a:7')}`);
    expect(facts.syncWaits).toMatchObject([{ api: 'synchronize_rcu_expedited', startNs: 1e9, endNs: 3.5e9 }]);
  });

  it('is not the wait of the worker that drives an expedited grace period', async () => {
    const { facts } = await replayText(trace`
      rcu_exp_gp_kthr-18 [000] d..2. 1.000: ${to('rcu_exp_gp_kthr:18', 'D', IDLE)}
      ${stack('rcu_exp_gp_kthr-18 [000] d..2. 1.000001:', '__schedule', 'schedule_timeout', 'synchronize_rcu_expedited_wait_once', 'synchronize_rcu_expedited_wait', 'rcu_exp_wait_wake', 'kthread_worker_fn')}
      <idle>-0 [001] d..4. 1.500: ${wakeup('rcu_exp_gp_kthr:18')}`);
    expect(facts.syncWaits).toEqual([]);
  });
});

/** a:7 waits for 2 s; hog:9 has CPU 1 all that time, and the kthread is woken on CPU `kthreadCpu` as soon as the wait begins. */
function hogged(hogPrio: number, tickStack: readonly string[] | undefined, kthreadRuns: boolean): string {
  const ticks = Array.from({ length: 200 }, (_, n) => {
    const at = (1.005 + n * 0.01).toFixed(6);
    const tick = `hog-9 [001] d.h1. ${at}: rcu_utilization: Start scheduler-tick`;
    return tickStack ? `${tick}\n${stack(`hog-9 [001] d.h1. ${at}:`, ...tickStack)}` : tick;
  });
  return trace`
    <idle>-0 [001] d..2. 0.900: ${to(IDLE1, 'R', 'hog:9', hogPrio)}
    a-7 [000] d..2. 1.000: ${to('a:7', 'D', IDLE)}
    ${stack('a-7 [000] d..2. 1.000001:', ...IN_SYNCHRONIZE_RCU)}
    ${kthreadRuns ? '' : `<idle>-0 [000] d..2. 1.001: ${wakeup(KTHREAD, 1)}`}
    ${ticks.join('\n')}
    hog-9 [001] d..2. 3.100: ${to('hog:9', 'R', KTHREAD, 120, hogPrio)}
    rcu_preempt-15 [001] d..4. 3.101: ${wakeup('a:7')}
    <idle>-0 [000] d..2. 3.102: ${to(IDLE, 'R', 'a:7')}`;
}

describe('who held an inferred grace period up', () => {
  it('is the CPU that ran one task throughout, where nothing speaks against it', async () => {
    const [wait] = ofKind(await replayText(hogged(120, undefined, true)), 'blocked-sync');
    expect(wait.root).toMatchObject({ kind: 'cpu-hog', cpu: 1, task: 'hog', tid: 9 });
  });

  it('is the same when its ticks interrupted the kernel', async () => {
    const inKernel = [...TICK, 'lab_spin', 'do_syscall_64'];
    const [wait] = ofKind(await replayText(hogged(120, inKernel, true)), 'blocked-sync');
    expect(wait.root).toMatchObject({ kind: 'cpu-hog', cpu: 1, task: 'hog' });
  });

  it('is not known when its ticks interrupted user mode, which is a quiescent state (R2.6)', async () => {
    const [wait] = ofKind(await replayText(hogged(120, TICK, true)), 'blocked-sync');
    expect(wait.root.kind).toBe('unknown');
  });

  it.each([
    ['recorded', TICK],
    ['not recorded', undefined],
  ])('is the kthread behind a real-time task, user mode %s (RT_HOG)', async (_, tickStack) => {
    const outcome = await replayText(hogged(49, tickStack, false));
    const [wait] = ofKind(outcome, 'blocked-sync');
    expect(wait.root).toMatchObject({ kind: 'gp-kthread-starved', cpu: 1, task: 'rcu_preempt', tid: 15 });
    expect(wait.chain.find((link) => link.kind === 'kthread')?.note).toContain('hog:9');
    expect(ofKind(outcome, 'gp-kthread-starved')).toHaveLength(1);
  });
});

describe('routine grace periods, by where the kthread sleeps (R2.1)', () => {
  const LOOP = ['__schedule', 'schedule', 'schedule_timeout', 'rcu_gp_fqs_loop', 'rcu_gp_kthread', 'kthread'];
  const WAITING = ['__schedule', 'schedule', 'rcu_gp_kthread', 'kthread'];
  /** The kthread runs at `atS` for 1 ms, does `doing`, and goes to sleep. */
  const run = (atS: number, frames: readonly string[], ...doing: readonly string[]): string =>
    [
      `<idle>-0 [001] d..2. ${atS.toFixed(6)}: ${to(IDLE1, 'R', KTHREAD)}`,
      ...doing.map((what) => `rcu_preempt-15 [001] d..2. ${(atS + 0.0005).toFixed(6)}: ${what}`),
      `rcu_preempt-15 [001] d..2. ${(atS + 0.001).toFixed(6)}: ${to(KTHREAD, 'I', IDLE1)}`,
      stack(`rcu_preempt-15 [001] d..2. ${(atS + 0.001).toFixed(6)}:`, ...frames),
    ].join('\n');
  const asleep = (atS: number): string =>
    [
      `a-7 [000] d..2. ${atS.toFixed(6)}: ${to('a:7', 'D', IDLE)}`,
      stack(`a-7 [000] d..2. ${atS.toFixed(6)}:`, ...IN_SYNCHRONIZE_RCU),
    ].join('\n');
  const wakes = [wakeup('a:7').replace('wakeup', 'waking'), wakeup('a:7')];
  const periods = async (...pieces: readonly string[]): Promise<(number | null)[][]> => {
    const { facts } = await replayText(trace`${pieces.join('\n')}`);
    return facts.gracePeriods.map(({ startNs, endNs }) => [startNs, endNs]);
  };

  it('one begins with the run after which the kthread waits in its loop, and ends before it waits for a request', async () => {
    expect(await periods(run(1, WAITING), run(2, LOOP), run(2.01, WAITING))).toEqual([[2e9, 2.011e9]]);
  });

  it('callers that the kthread wakes end one; until then it is the same, however often the kthread looks', async () => {
    const first = [run(1, WAITING), asleep(1.5), run(2, LOOP), run(2.01, LOOP), run(2.02, WAITING, ...wakes)];
    // The first shows that this kernel wakes callers so; from then on a second look may not be a second grace period.
    const second = [asleep(2.5), run(3, LOOP), run(3.01, LOOP), run(3.02, LOOP, ...wakes), run(3.03, WAITING)];
    expect(await periods(...first, ...second)).toEqual([
      [3e9, 3.0205e9],
      [3.0205e9, 3.031e9],
    ]);
  });

  it('a second look without anybody waiting may be the next one: nothing is told', async () => {
    expect(await periods(run(1, WAITING), run(2, LOOP), run(2.01, LOOP), run(2.02, WAITING))).toEqual([]);
  });

  it('nothing is told across lost events', async () => {
    const lost = 'CPU:1 [LOST 5 EVENTS]';
    expect(await periods(run(1, WAITING), run(2, LOOP), lost, run(2.01, WAITING))).toEqual([]);
  });

  it('they are inferred', async () => {
    const { facts } = await replayText(trace`${[run(1, WAITING), run(2, LOOP), run(2.01, WAITING)].join('\n')}`);
    expect(facts.gracePeriods).toMatchObject([{ flavor: 'rcu_preempt', confidence: 'inferred', gpSeq: null }]);
  });
});

describe('a task whose switch-out is missing', () => {
  it('does not run on once another has its CPU', async () => {
    const { facts } = await replayText(trace`
      <idle>-0 [000] d..2. 1.000: ${to(IDLE, 'R', 'gone:5')}
      b-6 [000] d..2. 2.000: ${to('b:6', 'S', IDLE)}
      <idle>-0 [000] d..2. 9.000: ${to(IDLE, 'R', 'b:6')}`);
    expect(facts.taskStates.filter((state) => state.tid === 5)).toEqual([]);
  });
});
