/** R2.23, E1.0: expedited grace periods without rcu_exp_grace_period, and the CPU that they wait for. */
import { describe, expect, it } from 'vitest';
import { RcuScene } from '../../support/rcu-scene.ts';
import { ofKind, replayFile, replayText } from '../../support/replay-capture.ts';

const FIXTURES = new URL('../../fixtures/replay/', import.meta.url).pathname;

describe('an expedited grace period without rcu events', () => {
  it('Linux 7.2 without RCU_TRACE: close() of a perf event, SRCU, process_srcu, an expedited grace period, a CPU in an NMI storm', async () => {
    const outcome = await replayFile(`${FIXTURES}expedited-nmi-storm-7.2.trace.txt.zst`);
    const [close] = ofKind(outcome, 'blocked-sync').filter((finding) => finding.task === 'perf close-1');
    expect(close.root).toMatchObject({ kind: 'nmi-storm', cpu: 1 });
    const kinds = close.chain.map((link) => link.kind);
    expect(kinds.slice(0, 5)).toEqual(['task', 'srcu-gp', 'worker', 'rcu-gp', 'cpu']);
    expect(close.chain[2].name).toBe('kworker/0:1:11');
    expect(close.chain[3].name).toBe('rcu_preempt expedited grace period');
    expect(kinds).toContain('nmi');
    // Exclusive blame is a partition of the wait (O21).
    const blamed = close.chain.reduce((sum, link) => sum + link.blame_ns, 0);
    expect(blamed).toBe((close.end_ns as number) - close.start_ns);
  });

  /** `waiter-20` is in synchronize_rcu_expedited() for six seconds; the kthread selects 50 ms after it began. */
  const scene = (): RcuScene =>
    new RcuScene()
      .runs(-1, 1, 'swapper/1-0', 'hog-5', 'R')
      .runs(-0.01, 0, 'swapper/0-0', 'waiter-20', 'R')
      .at(0, 'waiter-20', 0, 'synchronize_rcu_expedited: (synchronize_rcu_expedited+0x4/0x90)')
      .runs(0.001, 0, 'waiter-20', 'swapper/0-0', 'D');
  const ends = (recording: RcuScene): string =>
    recording
      .at(6, 'swapper/0-0', 0, 'sched_waking: comm=waiter pid=20 prio=120 target_cpu=000')
      .runs(6.01, 0, 'swapper/0-0', 'waiter-20', 'R')
      .at(6.02, 'waiter-20', 0, 'synchronize_rcu_expedited_ret: (close+0x10/0x20 <- synchronize_rcu_expedited)')
      .runs(7, 1, 'hog-5', 'swapper/1-0').text;

  it('waits for the CPU that has not switched since it began', async () => {
    const [finding] = ofKind(await replayText(ends(scene())), 'blocked-sync');
    expect(finding.chain.slice(0, 3).map((link) => link.name)).toEqual([
      'waiter:20',
      'rcu_preempt expedited grace period',
      'CPU 1',
    ]);
    expect(finding.confidence).toBe('inferred');
  });

  it('not for one that switched after it began: it has passed its quiescent state', async () => {
    const recording = scene().runs(1, 1, 'hog-5', 'other-8', 'R+').runs(1.1, 1, 'other-8', 'hog-5');
    const [finding] = ofKind(await replayText(ends(recording)), 'blocked-sync');
    expect(finding.root).toEqual({ kind: 'unknown' });
  });
});
