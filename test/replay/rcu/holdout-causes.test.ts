/** MODEL 2.7: each cause of a stalled grace period, from recordings made for it. */

import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { notesText } from '../../support/notes.ts';
import { RcuScene } from '../../support/rcu-scene.ts';
import { type CaptureReplayOptions, ofKind, replayText } from '../../support/replay-capture.ts';

const LENGTH_S = 10;
const OPTIONS: CaptureReplayOptions = { thresholds: { rcuStallNs: 5e9 } };

async function stallOf(scene: RcuScene, options = OPTIONS): Promise<Finding & { kind: 'rcu-stall' }> {
  const outcome = await replayText(scene.text, options);
  const [stall, ...others] = ofKind(outcome, 'rcu-stall');
  expect(others).toEqual([]);
  return stall;
}

/** CPU 1 runs `hog` from before the grace period to its end, CPU 0 ticks; NMIs are recorded, and rare. */
function hogScene(hog = 'hog-7', quiet = false): RcuScene {
  const scene = new RcuScene()
    .runs(-0.5, 1, 'swapper/1-0', hog, 'R')
    .runs(-0.5, 0, 'init-1', 'swapper/0-0')
    .at(-0.4, 'swapper-0', 0, 'nmi_handler: perf_event_nmi_handler() delta_ns: 1000 handled: 1', 'd.Z1.')
    .begins()
    .ticks(0, 'swapper-0', 250, 0, LENGTH_S);
  if (!quiet) scene.ticks(1, hog.split('/p')[0], 250, 0, LENGTH_S);
  return scene.reports(LENGTH_S, hog.split('/p')[0]).ends(LENGTH_S + 0.001);
}

describe('a CPU holds the grace period up', () => {
  it('KERNEL_LOOP: one task without a context switch, ticks arrive', async () => {
    const stall = await stallOf(hogScene());
    expect(stall.holdouts).toMatchObject([{ name: 'CPU 1', code: 'KERNEL_LOOP', cause: 'cpu-hog' }]);
    expect(stall.holdouts?.[0].ticks).toBe(2500);
    const shares = Object.values(stall.holdouts?.[0].shares ?? {});
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 3);
  });

  it('RT_HOG: the same at a real-time priority', async () => {
    const stall = await stallOf(hogScene('fifo-9/p49'));
    expect(stall.holdouts).toMatchObject([{ code: 'RT_HOG', cause: 'cpu-hog' }]);
    expect(notesText(stall)).toContain('fifo:9 runs 99.8 % of the time, at real-time priority 50');
  });

  it('IRQS_OFF: no interrupts, although NMIs are recorded and rare', async () => {
    const stall = await stallOf(hogScene('hog-7', true));
    expect(stall).toMatchObject({ cause: 'cpu-hog', cpus: [1], holdouts: [{ code: 'IRQS_OFF' }] });
    expect(stall.holdouts).toMatchObject([{ code: 'IRQS_OFF', interrupts: 0 }]);
    expect(notesText(stall)).toContain('interrupts off: it took 0 interrupts in 10.0 s');
  });

  it('that has no interrupts is not judged where NMIs are not recorded (T63)', async () => {
    const outcome = await replayText(hogScene('hog-7', true).text, {
      ...OPTIONS,
      keep: (name) => name !== 'nmi_handler',
    });
    expect(ofKind(outcome, 'rcu-stall')[0]).toMatchObject({ cause: 'unknown', cpus: [1] });
  });

  it('interrupts come, ticks do not', async () => {
    const scene = hogScene('hog-7', true);
    for (let s = 0; s < LENGTH_S; s += 0.05)
      scene
        .at(s, 'hog-7', 1, 'reschedule_entry: vector=253', 'd.h1.')
        .at(s + 1e-5, 'hog-7', 1, 'reschedule_exit: vector=253', 'd.h1.');
    expect(await stallOf(scene)).toMatchObject({ cause: 'unknown' });
  });

  it('TICKLESS_USER: its tick was stopped while a task runs (nohz_full)', async () => {
    const scene = hogScene('hog-7', true).at(-0.2, 'hog-7', 1, 'tick_stop: success=1 dependency=NONE', 'd..1.');
    const stall = await stallOf(scene);
    expect(stall.holdouts).toMatchObject([{ code: 'TICKLESS_USER', cause: 'cpu-hog' }]);
  });

  it('HARDIRQ_LOAD and SOFTIRQ_LOAD: shares of half of the time and more', async () => {
    const irq = hogScene();
    const softirq = hogScene();
    for (let s = 0.002; s < LENGTH_S; s += 0.01) {
      irq
        .at(s, 'hog-7', 1, 'irq_handler_entry: irq=9 name=disk', 'd.h1.')
        .at(s + 0.007, 'hog-7', 1, 'irq_handler_exit: irq=9 ret=handled', 'd.h1.');
      softirq
        .at(s, 'hog-7', 1, 'softirq_entry: vec=3 [action=NET_RX]', '..s1.')
        .at(s + 0.008, 'hog-7', 1, 'softirq_exit: vec=3 [action=NET_RX]', '..s1.');
    }
    expect((await stallOf(irq)).holdouts).toMatchObject([{ code: 'HARDIRQ_LOAD', cause: 'irq-storm' }]);
    expect((await stallOf(softirq)).holdouts).toMatchObject([{ code: 'SOFTIRQ_LOAD', cause: 'softirq-storm' }]);
  });

  it('NMI_LOAD: from 30 % of the time on', async () => {
    const scene = hogScene('hog-7', true);
    for (let s = 0.02; s < LENGTH_S; s += 0.02)
      scene.at(s, 'hog-7', 1, 'nmi_handler: perf_event_nmi_handler() delta_ns: 8000000 handled: 1', 'd.Z1.');
    const stall = await stallOf(scene);
    expect(stall.holdouts).toMatchObject([{ code: 'NMI_LOAD', cause: 'nmi-storm' }]);
    expect(stall.holdouts?.[0].shares.nmi).toBeCloseTo(0.4, 2);
  });

  it('REPORT_LATENCY: the quiescent state is there, RCU core does not report it', async () => {
    const scene = hogScene().at(0.3, 'hog-7', 1, 'rcu_grace_period: rcu_preempt 41 cpuqs');
    const stall = await stallOf(scene);
    expect(stall.holdouts).toMatchObject([{ code: 'REPORT_LATENCY', cause: 'cpu-hog' }]);
    expect(notesText(stall)).toContain(
      'passed its quiescent state after 300 ms, which RCU core (softirq, or rcuc/1) reported 9.70 s later',
    );
  });

  it('CPU_OFFLINE_RACE: it was going offline', async () => {
    const scene = hogScene().at(1, 'cpuhp/1-22', 1, 'rcu_grace_period: rcu_preempt 40 cpuofl-bgp');
    expect((await stallOf(scene)).holdouts).toMatchObject([{ code: 'CPU_OFFLINE_RACE', cause: 'unknown' }]);
  });

  it('VM_STOLEN: all CPUs fall silent together although several are busy', async () => {
    const scene = new RcuScene()
      .runs(-0.5, 1, 'swapper/1-0', 'hog-7', 'R')
      .runs(-0.5, 0, 'swapper/0-0', 'work-8', 'R')
      .at(-0.4, 'work-8', 0, 'nmi_handler: perf_event_nmi_handler() delta_ns: 1000 handled: 1', 'd.Z1.')
      .begins()
      .ticks(0, 'work-8', 250, 0, 1)
      .ticks(1, 'hog-7', 250, 0, 1)
      .ticks(0, 'work-8', 250, 9, LENGTH_S)
      .ticks(1, 'hog-7', 250, 9, LENGTH_S)
      .reports(LENGTH_S, 'hog-7')
      .ends(LENGTH_S + 0.001);
    const stall = await stallOf(scene);
    expect(stall.holdouts).toMatchObject([{ code: 'VM_STOLEN', cause: 'unknown' }]);
    expect(notesText(stall)).toContain('no CPU recorded anything for 8.00 s');
  });
});

/** CPU 1 reported; the reader `rd-5` was preempted there at 0.1 s and leaves its section at the end. */
function readerScene(preemptedBy = 'fifo-9/p49'): RcuScene {
  return new RcuScene()
    .runs(-0.5, 1, 'swapper/1-0', 'rd-5', 'R')
    .begins()
    .at(0.1, 'rd-5', 1, 'rcu_preempt_task: rcu_preempt 41 5', 'd..2.')
    .runs(0.1, 1, 'rd-5', preemptedBy, 'R+')
    .reports(0.2, preemptedBy.split('/p')[0])
    .ticks(0, 'swapper-0', 250, 0, LENGTH_S);
}

const unlocked = (scene: RcuScene, s: number): RcuScene =>
  scene.at(s, 'rd-5', 1, 'rcu_unlock_preempted_task: rcu_preempt 41 5').ends(s + 0.001);

describe('a reader holds the grace period up', () => {
  it('READER_RUNNABLE: preempted, and by whom', async () => {
    const stall = await stallOf(unlocked(readerScene().runs(9.9, 1, 'fifo-9/p49', 'rd-5'), LENGTH_S));
    expect(stall).toMatchObject({ cause: 'reader-preempted', tasks: ['rd:5'], cpus: [] });
    expect(stall.holdouts).toMatchObject([{ code: 'READER_RUNNABLE', tid: 5 }]);
    expect(notesText(stall)).toContain('preempted by fifo:9, at real-time priority 50');
  });

  it('READER_RUNNABLE: with the boost that did not help (rcub)', async () => {
    const scene = readerScene()
      .at(0.6, 'rcub/0-16', 0, 'sched_pi_setprio: comm=rd pid=5 oldprio=120 newprio=98')
      .runs(9.9, 1, 'fifo-9/p49', 'rd-5');
    expect(notesText(await stallOf(unlocked(scene, LENGTH_S)))).toContain(
      'boosted to real-time priority 1 after 500 ms',
    );
  });

  it('READER_RUNNING_LONG: back on its CPU, and not out of its section', async () => {
    const scene = readerScene('other-9').runs(0.3, 1, 'other-9', 'rd-5');
    expect((await stallOf(unlocked(scene, LENGTH_S))).holdouts).toMatchObject([
      { code: 'READER_RUNNING_LONG', cause: 'reader-running' },
    ]);
  });

  it('READER_BLOCKED: asleep on a lock of PREEMPT_RT, whose owner is named', async () => {
    const scene = readerScene('other-9')
      .runs(-0.45, 0, 'swapper/0-0', 'owner-6', 'R')
      .at(-0.4, 'owner-6', 0, 'lock_acquire: 00000000000000a0 &lab_lock')
      .at(-0.4 + 1e-6, 'owner-6', 0, 'lock_acquired: 00000000000000a0 &lab_lock')
      .runs(0.3, 1, 'other-9', 'rd-5')
      .at(0.31, 'rd-5', 1, 'lock_acquire: 00000000000000a0 &lab_lock')
      .at(0.32, 'rd-5', 1, 'lock_contended: 00000000000000a0 &lab_lock')
      .runs(0.33, 1, 'rd-5', 'other-9', 'D')
      .at(9.7, 'owner-6', 0, 'lock_release: 00000000000000a0 &lab_lock')
      .at(9.71, 'owner-6', 0, 'sched_wakeup: comm=rd pid=5 prio=120 target_cpu=001')
      .runs(9.8, 1, 'other-9', 'rd-5')
      .at(9.81, 'rd-5', 1, 'lock_acquired: 00000000000000a0 &lab_lock')
      .at(9.82, 'rd-5', 1, 'lock_release: 00000000000000a0 &lab_lock');
    const stall = await stallOf(unlocked(scene, LENGTH_S));
    expect(stall.holdouts).toMatchObject([{ code: 'READER_BLOCKED', cause: 'reader-sleeping' }]);
    expect(notesText(stall)).toMatch(/of it for &lab_lock, held by owner:6/);
  });

  it('READER_NMI_STARVED: it has its CPU, and NMIs have it', async () => {
    const scene = readerScene('other-9').runs(0.3, 1, 'other-9', 'rd-5');
    for (let s = 0.35; s < LENGTH_S; s += 0.02)
      scene.at(s, 'rd-5', 1, 'nmi_handler: storm_handler() delta_ns: 15000000 handled: 1', 'd.Z1.');
    expect((await stallOf(unlocked(scene, LENGTH_S))).holdouts).toMatchObject([
      { code: 'READER_NMI_STARVED', cause: 'nmi-storm' },
    ]);
  });

  it('DEFERRED_UNLOCK: back in user mode, still on the list (R2.11)', async () => {
    const scene = readerScene('other-9').runs(0.3, 1, 'other-9', 'rd-5').at(0.5, 'rd-5', 1, 'sys_exit: NR 1 = 0');
    expect((await stallOf(unlocked(scene, LENGTH_S))).holdouts).toMatchObject([
      { code: 'DEFERRED_UNLOCK', cause: 'reader-running' },
    ]);
  });
});

describe('on PREEMPT_RT', () => {
  /** `fifo-9` keeps CPU 1 from `rd-5`, which it preempted, and from `rcuc/1`, which reports for the CPU (R2.5 a). */
  const starved = (): RcuScene =>
    new RcuScene()
      .runs(-0.5, 1, 'swapper/1-0', 'rd-5', 'R')
      .begins()
      .at(0.1, 'rd-5', 1, 'rcu_preempt_task: rcu_preempt 41 5', 'd..2.')
      .at(0.1, 'rd-5', 1, 'rcu_grace_period: rcu_preempt 41 cpuqs', 'd..2.')
      .runs(0.1, 1, 'rd-5', 'fifo-9/p49', 'R+')
      .at(0.11, 'fifo-9', 1, 'sched_wakeup: comm=rcuc/1 pid=23 prio=98 target_cpu=001', 'd.h1.')
      .ticks(1, 'fifo-9', 250, 0.12, 9.9)
      .ticks(0, 'swapper-0', 250, 0, LENGTH_S)
      .at(0.6, 'rcub/0-16', 0, 'sched_pi_setprio: comm=rd pid=5 oldprio=120 newprio=98')
      .runs(9.9, 1, 'fifo-9/p49', 'rcuc/1-23/p98')
      .reports(9.91, 'rcuc/1-23')
      .runs(9.92, 1, 'rcuc/1-23/p98', 'rd-5');

  it('the reader is the cause that a hog keeps from running, rcuc and the CPU are victims', async () => {
    const stall = await stallOf(unlocked(starved(), LENGTH_S));
    expect(stall).toMatchObject({ cause: 'reader-preempted', cpus: [1], tasks: ['rd:5'] });
    expect(stall.holdouts).toMatchObject([
      { name: 'CPU 1', code: 'RT_HOG' },
      { name: 'rd:5', code: 'READER_RUNNABLE' },
    ]);
    expect(notesText(stall)).toMatch(/preempted by fifo:9, at real-time priority 50, boosted to real-time priority 1/);
    expect(stall.holdouts?.[0].note).toContain('its quiescent state is not reported');
  });

  it('and so it is while it lasts', async () => {
    const scene = new RcuScene()
      .runs(-0.5, 1, 'swapper/1-0', 'rd-5', 'R')
      .begins()
      .at(0.1, 'rd-5', 1, 'rcu_preempt_task: rcu_preempt 41 5', 'd..2.')
      .at(0.1, 'rd-5', 1, 'rcu_grace_period: rcu_preempt 41 cpuqs', 'd..2.')
      .runs(0.1, 1, 'rd-5', 'fifo-9/p49', 'R+')
      .ticks(1, 'fifo-9', 250, 0.12, LENGTH_S)
      .ticks(0, 'swapper-0', 250, 0, LENGTH_S);
    expect(await stallOf(scene)).toMatchObject({ cause: 'reader-preempted', cpus: [1], tasks: ['rd:5'] });
  });
});

describe('nobody holds the grace period up', () => {
  const quiet = (): RcuScene =>
    new RcuScene()
      .runs(-0.5, 1, 'init-1', 'swapper/1-0')
      .begins()
      .reports(0.1, 'swapper-0')
      .ticks(0, 'swapper-0', 250, 0, LENGTH_S);

  it('GPKTHREAD_NOT_WOKEN: its timer was lost (R2.45)', async () => {
    const scene = quiet()
      .runs(0.05, 0, 'rcu_preempt-14', 'swapper/0-0', 'I')
      .at(9.9, 'swapper-0', 0, 'sched_wakeup: comm=rcu_preempt pid=14 prio=120 target_cpu=000')
      .runs(9.95, 0, 'swapper/0-0', 'rcu_preempt-14', 'R')
      .ends(LENGTH_S);
    const stall = await stallOf(scene);
    expect(stall).toMatchObject({ cause: 'gp-kthread-starved', cpus: [], tasks: [] });
    expect(notesText(stall)).toContain('its timer did not wake it (GPKTHREAD_NOT_WOKEN)');
  });

  it('GPKTHREAD_BLOCKED: it sleeps in D', async () => {
    const scene = quiet()
      .runs(0.05, 0, 'rcu_preempt-14', 'swapper/0-0', 'D')
      .at(9.9, 'swapper-0', 0, 'sched_wakeup: comm=rcu_preempt pid=14 prio=120 target_cpu=000')
      .runs(9.95, 0, 'swapper/0-0', 'rcu_preempt-14', 'R')
      .ends(LENGTH_S);
    expect(notesText(await stallOf(scene))).toContain('GPKTHREAD_BLOCKED');
  });

  it('GPKTHREAD_RUNNABLE: another task has its CPU', async () => {
    const scene = quiet()
      .runs(0.05, 0, 'rcu_preempt-14', 'hog-7', 'R+')
      .runs(9.95, 0, 'hog-7', 'rcu_preempt-14', 'R')
      .ends(LENGTH_S);
    const stall = await stallOf(scene);
    expect(stall.cause).toBe('gp-kthread-starved');
    expect(notesText(stall)).toContain('was runnable, waiting for CPU 0, which hog:7 had (GPKTHREAD_RUNNABLE)');
  });
});

describe('a CPU whose task spins for a lock', () => {
  /** hog:7 on CPU 1 asks for a lock that owner:9 took on CPU 0. */
  const scene = (): RcuScene =>
    hogScene()
      .at(-0.35, 'owner-9', 0, 'lock_acquire: 00000000000000a0 &the_lock')
      .at(-0.349, 'owner-9', 0, 'lock_acquired: 00000000000000a0 &the_lock')
      .runs(-0.3, 0, 'swapper/0-0', 'owner-9', 'R')
      .at(-0.29, 'hog-7', 1, 'lock_acquire: 00000000000000a0 &the_lock')
      .at(-0.28, 'hog-7', 1, 'lock_contended: 00000000000000a0 &the_lock')
      .at(LENGTH_S - 0.01, 'hog-7', 1, 'lock_acquired: 00000000000000a0 &the_lock')
      .at(LENGTH_S - 0.011, 'owner-9', 0, 'lock_release: 00000000000000a0 &the_lock');

  it('leads to the owner (W22, W23)', async () => {
    const stall = await stallOf(scene());
    expect(stall).toMatchObject({ cause: 'lock-holder', cpus: [1] });
    expect(notesText(stall)).toContain('hog:7 spins for &the_lock for 9.99 s, held by owner:9');
  });

  it('so does the chain of a task that waits for the grace period', async () => {
    const waiting = scene()
      .runs(-0.45, 0, 'swapper/0-0', 'upd-5', 'R')
      .at(-0.4, 'upd-5', 0, 'synchronize_rcu: (synchronize_rcu+0x0/0x120)')
      .runs(-0.39, 0, 'upd-5', 'swapper/0-0', 'D')
      .at(LENGTH_S + 0.002, 'rcu_preempt-14', 0, 'sched_waking: comm=upd pid=5 prio=120 target_cpu=000')
      .runs(LENGTH_S + 0.003, 0, 'rcu_preempt-14', 'upd-5')
      .at(LENGTH_S + 0.004, 'upd-5', 0, 'synchronize_rcu_ret: (lab_upd+0x2a/0x50 <- synchronize_rcu)');
    const [blocked] = ofKind(await replayText(waiting.text, OPTIONS), 'blocked-sync');
    expect(blocked.root).toMatchObject({ kind: 'lock-holder', task: 'owner', tid: 9 });
    const names = blocked.chain?.map(({ name }) => name) ?? [];
    expect(names.slice(-4)).toEqual(['CPU 1', 'hog:7', '&the_lock', 'owner:9']);
    expect(blocked.chain?.reduce((sum, { blame_ns }) => sum + blame_ns, 0)).toBe(blocked.blocked_ns);
  });

  it('is a hog where lock events are not recorded', async () => {
    const outcome = await replayText(scene().text, { ...OPTIONS, keep: (name) => !name.startsWith('lock_') });
    expect(ofKind(outcome, 'rcu-stall')).toMatchObject([{ cause: 'cpu-hog', cpus: [1] }]);
  });
});

describe('an idle stretch counts when the kthread looks (R2.5 b)', () => {
  const eqs = (scene: RcuScene, s: number, enters: boolean): RcuScene =>
    scene.at(
      s,
      'swapper/1-0',
      1,
      `rcu_watching: ${enters ? 'End 0x1 0x0' : 'Start 0x0 0x1'} 0x5${enters ? '34' : '3c'}`,
      'd..1.',
    );
  /** CPU 1 is idle as the grace period begins and runs `hog` from 0.3 ms to the end. */
  const scene = (scansAtS: number): RcuScene => {
    const all = eqs(
      new RcuScene().runs(-0.5, 0, 'init-1', 'swapper/0-0').runs(-0.5, 1, 'init-2', 'swapper/1-0'),
      -0.4,
      true,
    );
    all
      .at(-0.4, 'swapper-0', 0, 'nmi_handler: perf_event_nmi_handler() delta_ns: 1000 handled: 1', 'd.Z1.')
      .begins()
      .at(scansAtS, 'rcu_preempt-14', 0, 'rcu_grace_period: rcu_preempt 41 fqsstart');
    eqs(all, 0.0003, false).runs(0.00031, 1, 'swapper/1-0', 'hog-7', 'R');
    return all
      .ticks(0, 'swapper-0', 250, 0, LENGTH_S)
      .ticks(1, 'hog-7', 250, 0.004, LENGTH_S)
      .reports(LENGTH_S, 'hog-7')
      .ends(LENGTH_S + 0.001);
  };

  it('a CPU that was idle before the first scan only has a quiescent state pending, and who runs then is the cause', async () => {
    const stall = await stallOf(scene(0.005));
    expect(stall).toMatchObject({
      cause: 'cpu-hog',
      cpus: [1],
      holdouts: [{ name: 'CPU 1', code: 'KERNEL_LOOP', ticks: 2500 }],
    });
    expect(notesText(stall)).toContain('hog:7 runs 99.');
  });

  it('a CPU that was idle at the scan has passed: what it runs afterwards holds nothing up', async () => {
    const stall = await stallOf(scene(0.0002));
    expect(stall.cause).toBe('unknown');
    expect(stall.holdouts?.some(({ name, code }) => name === 'CPU 1' && code === 'KERNEL_LOOP')).toBe(false);
  });
});
