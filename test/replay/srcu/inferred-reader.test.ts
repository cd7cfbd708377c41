/** E1.0, R2.10: readers that hold a grace period up, where no rcu:* event is recorded; and tasks that only look like one. */
import { describe, expect, it } from 'vitest';
import { RcuScene } from '../../support/rcu-scene.ts';
import { ofKind, replayText } from '../../support/replay-capture.ts';

const LENGTH_S = 6;

/** `waiter-20` is in synchronize_rcu() for six seconds; `rd-5` runs on CPU 1 all the while, and preempted at times. */
function scene(): RcuScene {
  const recording = new RcuScene()
    .runs(-0.5, 1, 'swapper/1-0', 'rd-5', 'R')
    .runs(-0.01, 0, 'swapper/0-0', 'waiter-20', 'R')
    .at(0, 'waiter-20', 0, 'synchronize_rcu: (synchronize_rcu+0x4/0x90)')
    .runs(0.001, 0, 'waiter-20', 'swapper/0-0', 'D');
  for (let s = 0.5; s < LENGTH_S; s += 1)
    recording.runs(s, 1, 'rd-5', 'other-8', 'R+').runs(s + 0.01, 1, 'other-8', 'rd-5');
  return recording
    .runs(LENGTH_S + 0.04, 0, 'swapper/0-0', 'rcu_preempt-14', 'R')
    .at(LENGTH_S + 0.05, 'rcu_preempt-14', 0, 'sched_waking: comm=waiter pid=20 prio=120 target_cpu=000')
    .at(LENGTH_S + 0.0501, 'rcu_preempt-14', 0, 'sched_wakeup: comm=waiter pid=20 prio=120 target_cpu=000')
    .runs(LENGTH_S + 0.051, 0, 'rcu_preempt-14', 'waiter-20', 'R')
    .at(LENGTH_S + 0.06, 'waiter-20', 0, 'synchronize_rcu_ret: (close+0x10/0x20 <- synchronize_rcu)')
    .runs(LENGTH_S + 1, 1, 'rd-5', 'swapper/1-0');
}

const wakes = (recording: RcuScene, s: number, task: string, flags: string): RcuScene =>
  recording.at(s, task, 1, 'sched_waking: comm=rcu_preempt pid=14 prio=120 target_cpu=000', flags);

describe('without rcu events', () => {
  it('the last reader is the task that never slept and wakes the kthread right before the end', async () => {
    const outcome = await replayText(wakes(scene(), LENGTH_S, 'rd-5', 'd....').text);
    expect(ofKind(outcome, 'blocked-sync')).toMatchObject([
      { confidence: 'inferred', root: { kind: 'reader-running', task: 'rd', tid: 5 } },
    ]);
  });

  it('a wake out of an interrupt shows nothing of the task that it hit', async () => {
    const outcome = await replayText(wakes(scene(), LENGTH_S, 'rd-5', 'd.h..').text);
    expect(ofKind(outcome, 'blocked-sync')[0].root).toEqual({ kind: 'unknown' });
  });

  it('nor does one long before the end, or after the waiter was woken', async () => {
    for (const s of [2, LENGTH_S + 0.055]) {
      const outcome = await replayText(wakes(scene(), s, 'rd-5', 'd....').text);
      expect(ofKind(outcome, 'blocked-sync')[0].root).toEqual({ kind: 'unknown' });
    }
  });

  it('nor one by a task that slept in between: no reader does', async () => {
    const recording = scene().runs(3.2, 1, 'rd-5', 'other-8', 'S').runs(3.3, 1, 'other-8', 'rd-5');
    const outcome = await replayText(wakes(recording, LENGTH_S, 'rd-5', 'd....').text);
    expect(ofKind(outcome, 'blocked-sync')[0].root).toEqual({ kind: 'unknown' });
  });
});
