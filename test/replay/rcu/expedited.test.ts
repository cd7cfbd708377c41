/** MODEL R2.23, R2.47, W26: expedited grace periods, who holds them up, who waits for them, and their stalls. */

import { describe, expect, it } from 'vitest';
import { notesText } from '../../support/notes.ts';
import { RcuScene } from '../../support/rcu-scene.ts';
import { ofKind, replayText } from '../../support/replay-capture.ts';

/** synchronize_rcu_expedited() by `caller-20`; the worker `exp-21` runs the grace period on CPU 0 in [0, end). */
function expedited(endS: number, seq = '20'): RcuScene {
  const at = (scene: RcuScene, s: number, task: string, what: string): RcuScene =>
    scene.at(s, task, 0, `rcu_exp_grace_period: rcu_preempt ${seq} ${what}`);
  const scene = new RcuScene()
    .runs(-0.5, 1, 'swapper/1-0', 'hog-7', 'R')
    .runs(-0.5, 2, 'init-1', 'swapper/2-0')
    .at(-0.4, 'swapper-0', 0, 'nmi_handler: perf_event_nmi_handler() delta_ns: 1000 handled: 1', 'd.Z1.')
    .runs(-0.002, 0, 'swapper/0-0', 'caller-20', 'R');
  at(scene, -0.001, 'caller-20', 'snap');
  scene.runs(-0.0005, 0, 'caller-20', 'exp-21', 'D');
  at(scene, 0, 'exp-21', 'start');
  at(scene, 1e-6, 'exp-21', 'reset');
  at(scene, 2e-6, 'exp-21', 'select');
  at(scene, 1e-5, 'exp-21', 'startwait');
  scene.runs(2e-5, 0, 'exp-21', 'swapper/0-0', 'D').ticks(0, 'swapper-0', 250, 0.1, endS);
  scene.runs(endS - 1e-4, 0, 'swapper/0-0', 'exp-21', 'R');
  at(scene, endS, 'exp-21', 'end');
  scene.at(endS + 1e-5, 'exp-21', 0, 'sched_waking: comm=caller pid=20 prio=120 target_cpu=000');
  scene.at(endS + 1.1e-5, 'exp-21', 0, 'sched_wakeup: comm=caller pid=20 prio=120 target_cpu=000');
  at(scene, endS + 2e-5, 'exp-21', 'endwake');
  scene.runs(endS + 1e-4, 0, 'exp-21', 'caller-20', 'S');
  at(scene, endS + 2e-4, 'caller-20', 'done');
  return scene;
}

const ask = (scene: RcuScene, s: number): RcuScene =>
  scene
    .at(s, 'hog-7', 1, 'call_function_single_entry: vector=251', 'd.h1.')
    .at(s + 1e-6, 'hog-7', 1, 'call_function_single_exit: vector=251', 'd.h1.');

describe('an expedited grace period', () => {
  it('is selected against CPUs that are not quiescent, and done with one when it takes the interrupt', async () => {
    const { engine } = await replayText(ask(expedited(0.002), 0.0018).text);
    const [gp] = engine.models.rcu.history.all();
    expect(gp).toMatchObject({ expedited: true, seq: 20, requestNs: 9.999e9, startNs: 10e9, endNs: 10.002e9 });
    // CPU 0 runs the worker, CPU 2 is idle.
    expect(gp.holdouts.map((holdout) => [holdout.name, holdout.toNs])).toEqual([['CPU 1', 10.0018e9]]);
  });

  it('has the same number in decimal and, since 6.18, in hexadecimal (E1.0)', async () => {
    const { engine } = await replayText(expedited(0.002, '0x14').text);
    expect(engine.models.rcu.history.all()[0].seq).toBe(20);
  });

  it('is waited for by its caller, from snap to done', async () => {
    const { facts } = await replayText(expedited(2).text);
    expect(facts.syncWaits).toMatchObject([
      { api: 'synchronize_rcu_expedited', tid: 20, startNs: 9.999e9, endNs: 12.0002e9, confidence: 'observed' },
    ]);
  });

  it('stalls behind a CPU that does not take the interrupt (R2.47)', async () => {
    const scene = expedited(9)
      .at(8, 'exp-21', 0, 'rcu_stall_warning: rcu_preempt ExpeditedStall')
      .runs(8.999, 1, 'hog-7', 'swapper/1-0');
    const outcome = await replayText(scene.text);
    const [stall, ...others] = ofKind(outcome, 'rcu-stall');
    expect(others).toEqual([]);
    expect(stall).toMatchObject({ expedited: true, cpus: [1], cause: 'cpu-hog', gp_seq: '20' });
    expect(notesText(stall)).toContain('the kernel warned at +8.00 s');
    expect(stall.decision).toBeUndefined();
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked).toMatchObject({
      api: 'synchronize_rcu_expedited',
      task: 'caller',
      root: { kind: 'cpu-hog', code: 'IRQS_OFF', cpu: 1 },
    });
    expect(blocked.chain.map((link) => link.name)).toContain('rcu_preempt expedited grace period 20');
  });

  it('stalls behind a reader that runs on where the interrupt found it', async () => {
    const scene = ask(expedited(9), 0.001).ticks(1, 'hog-7', 250, 0.01, 9).runs(8.999, 1, 'hog-7', 'swapper/1-0');
    const outcome = await replayText(scene.text, { thresholds: { rcuStallNs: 5e9 } });
    expect(ofKind(outcome, 'rcu-stall')[0]).toMatchObject({ cpus: [1], cause: 'reader-running' });
    expect(notesText(ofKind(outcome, 'rcu-stall')[0])).toContain('inside a reader: hog:7 runs');
  });

  it('waits for readers that were preempted before it, and for those that are preempted in it', async () => {
    const scene = ask(expedited(9), 0.001)
      .at(0.5, 'hog-7', 1, 'rcu_preempt_task: rcu_preempt 44 7', 'd..2.')
      .runs(0.5, 1, 'hog-7', 'fifo-9/p49', 'R+')
      .runs(8.9, 1, 'fifo-9/p49', 'hog-7')
      .at(8.99, 'hog-7', 1, 'rcu_unlock_preempted_task: rcu_preempt 44 7');
    const outcome = await replayText(scene.text, { thresholds: { rcuStallNs: 5e9 } });
    const [stall] = ofKind(outcome, 'rcu-stall');
    expect(stall).toMatchObject({ cpus: [], tasks: ['hog:7'], cause: 'reader-preempted' });
    expect(notesText(stall)).toContain('preempted by fifo:9');
  });

  it('ends when it ends: without an end event, with the next start, and then inferred (R2.14)', async () => {
    const scene = expedited(1).at(3, 'exp-21', 0, 'rcu_exp_grace_period: rcu_preempt 24 start');
    const outcome = await replayText(scene.text, {
      keep: (name, event) => !(name === 'rcu_exp_grace_period' && event.tsNs === 11e9),
    });
    const [first, second] = outcome.engine.models.rcu.history.all();
    expect(first).toMatchObject({ seq: 20, endNs: 13e9, endInferred: true });
    expect(second).toMatchObject({ seq: 24, endNs: null });
  });
});
