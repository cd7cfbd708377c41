/** MODEL R2.24, R2.25, W21: rcu_barrier(), the callbacks it waits for, and how late callbacks run. */
import { describe, expect, it } from 'vitest';
import { RcuScene } from '../../support/rcu-scene.ts';
import { ofKind, replayText } from '../../support/replay-capture.ts';

const barrier = (scene: RcuScene, s: number, task: string, cpu: number, what: string, of = -1, left = 0): RcuScene =>
  scene.at(s, task, cpu, `rcu_barrier: rcu_preempt ${what} cpu ${of} remaining ${left} # 5`);

/** `caller-20` in rcu_barrier(): CPU 1 has callbacks, whose grace period lasts [0.2, gpS) and whose softirq comes at lastS. */
function barrierScene(gpS: number, lastS: number): RcuScene {
  const scene = new RcuScene()
    .runs(-0.5, 1, 'swapper/1-0', 'hog-7', 'R')
    .runs(-0.01, 0, 'swapper/0-0', 'caller-20', 'R');
  scene.at(-0.4, 'caller-20', 0, 'nmi_handler: perf_event_nmi_handler() delta_ns: 1000 handled: 1', 'd.Z1.');
  barrier(scene, 0, 'caller-20', 0, 'Begin');
  barrier(scene, 0.001, 'caller-20', 0, 'Inc1');
  barrier(scene, 0.002, 'caller-20', 0, 'NQ', 0, 2);
  barrier(scene, 0.003, 'hog-7', 1, 'IRQ', -1, 3);
  barrier(scene, 0.004, 'caller-20', 0, 'OnlineQ', 1, 3);
  scene.runs(0.01, 0, 'caller-20', 'swapper/0-0', 'D');
  scene
    .begins(0.2)
    .reports(gpS - 0.01, 'hog-7')
    .ends(gpS);
  barrier(scene, lastS, 'hog-7', 1, 'LastCB');
  scene.at(lastS + 1e-4, 'hog-7', 1, 'sched_waking: comm=caller pid=20 prio=120 target_cpu=000');
  scene.at(lastS + 1.1e-4, 'hog-7', 1, 'sched_wakeup: comm=caller pid=20 prio=120 target_cpu=000');
  scene.runs(lastS + 0.001, 0, 'swapper/0-0', 'caller-20', 'R');
  return barrier(scene, lastS + 0.002, 'caller-20', 0, 'Inc2');
}

describe('rcu_barrier()', () => {
  it('is waited for by its caller, from Begin to Inc2', async () => {
    const { facts } = await replayText(barrierScene(0.3, 0.4).text);
    expect(facts.syncWaits).toMatchObject([{ api: 'rcu_barrier', tid: 20, startNs: 10e9, confidence: 'observed' }]);
    expect(facts.syncWaits[0].endNs).toBeCloseTo(10.402e9, -3);
  });

  it('waits for the grace period of its callbacks', async () => {
    const scene = barrierScene(8, 8.001).ticks(1, 'hog-7', 250, 0, 7.9);
    const [blocked] = ofKind(await replayText(scene.text), 'blocked-sync');
    expect(blocked).toMatchObject({ api: 'rcu_barrier', root: { kind: 'cpu-hog', cpu: 1 } });
  });

  it('waits for the CPU that invokes the last of them', async () => {
    const scene = barrierScene(0.3, 8);
    for (let s = 0.35; s < 8; s += 0.02)
      scene.at(s, 'hog-7', 1, 'nmi_handler: storm_handler() delta_ns: 16000000 handled: 1', 'd.Z1.');
    const [blocked] = ofKind(await replayText(scene.text), 'blocked-sync');
    expect(blocked).toMatchObject({ api: 'rcu_barrier', root: { kind: 'nmi-storm', cpu: 1 } });
    expect(blocked.chain.find((link) => link.kind === 'nmi')?.blame_ns).toBeGreaterThan(5e9);
  });

  it('waits for another barrier before its own: one at a time holds the mutex', async () => {
    const scene = barrierScene(8, 8.001).ticks(1, 'hog-7', 250, 0, 7.9);
    barrier(scene, 0.02, 'second-21', 0, 'Begin');
    scene.runs(0.019, 0, 'swapper/0-0', 'second-21', 'R').runs(0.03, 0, 'second-21', 'swapper/0-0', 'D');
    scene.at(8.0032, 'caller-20', 0, 'sched_wakeup: comm=second pid=21 prio=120 target_cpu=000');
    scene.runs(8.0034, 0, 'caller-20', 'second-21', 'S');
    barrier(scene, 8.0036, 'second-21', 0, 'EarlyExit');
    const second = ofKind(await replayText(scene.text), 'blocked-sync').find((finding) => finding.tid === 21);
    expect(second?.chain.map((link) => link.name)).toEqual(
      expect.arrayContaining(['rcu_state.barrier_mutex', 'caller:20', 'rcu_preempt grace period 41', 'CPU 1']),
    );
    expect(second?.root).toMatchObject({ kind: 'cpu-hog', cpu: 1 });
  });

  it('of an srcu_struct is about that struct, not about RCU', async () => {
    const scene = new RcuScene()
      .begins()
      .at(0, 'caller-20', 0, 'srcu_barrier: (srcu_barrier+0x4/0x90) ssp="lab_srcu"')
      .runs(0.01, 0, 'caller-20', 'swapper/0-0', 'D')
      .reports(4, 'hog-7')
      .ends(4.01)
      .at(5, 'caller-20', 0, 'srcu_barrier_ret: (free_module+0x10/0x20 <- srcu_barrier)');
    const [blocked] = ofKind(await replayText(scene.text), 'blocked-sync');
    expect(blocked.chain.slice(0, 2)).toMatchObject([{ kind: 'task' }, { kind: 'srcu-gp' }]);
    expect(blocked.chain[1].name).toContain('lab_srcu');
  });
});

describe('callbacks', () => {
  it('are measured from call_rcu() to their invocation, by function (R2.25)', async () => {
    const scene = new RcuScene()
      .at(0, 'init-1', 0, 'rcu_callback: rcu_preempt rhp=00000000000000a0 func=free_it 3')
      .at(1.5, 'swapper-0', 1, 'rcu_invoke_callback: rcu_preempt rhp=00000000000000a0 func=free_it', '..s1.');
    const { facts } = await replayText(scene.text);
    expect(facts.callbacks).toMatchObject([{ function: 'free_it', queuedNs: 10e9, invokedNs: 11.5e9, cpu: 1 }]);
    expect(facts.samples).toContainEqual(['call-rcu', 'free_it', 1.5e9]);
  });
});
