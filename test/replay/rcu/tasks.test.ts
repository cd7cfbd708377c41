/** MODEL S3.40–S3.45, W27, W28: who waits for grace periods of RCU Tasks, and what they wait for. */
import { describe, expect, it } from 'vitest';
import { RcuScene } from '../../support/rcu-scene.ts';
import { ofKind, replayText } from '../../support/replay-capture.ts';

const probe = (scene: RcuScene, s: number, task: string, fn: string, returns = false): RcuScene =>
  scene.at(s, task, 0, returns ? `${fn}_ret: (ftrace_shutdown+0x10/0x20 <- ${fn})` : `${fn}: (${fn}+0x4/0x90)`);

/** `caller-20` is in `api` from 0 to 12 s; `kthread` waits for RCU in [0.1, preS) and [postS, 11.9). */
function tasksScene(api: string, kthread: string, preS: number, postS: number): RcuScene {
  const scene = new RcuScene()
    .runs(-0.5, 1, 'swapper/1-0', 'hog-7', 'R')
    .runs(-0.01, 0, 'swapper/0-0', 'caller-20', 'R');
  // synchronize_rcu() of somebody else, with its return: probes on it are complete.
  probe(scene, -0.4, 'init-1', 'synchronize_rcu');
  probe(scene, -0.39, 'init-1', 'synchronize_rcu', true);
  probe(scene, 0, 'caller-20', api);
  scene.runs(0.01, 0, 'caller-20', `${kthread}-16`, 'D');
  probe(scene, 0.1, `${kthread}-16`, 'synchronize_rcu');
  scene.runs(0.11, 0, `${kthread}-16`, 'swapper/0-0', 'D');
  scene.at(preS, 'swapper-0', 0, `sched_wakeup: comm=${kthread} pid=16 prio=120 target_cpu=000`);
  scene.runs(preS + 0.001, 0, 'swapper/0-0', `${kthread}-16`, 'R');
  probe(scene, preS + 0.002, `${kthread}-16`, 'synchronize_rcu', true);
  scene.runs(preS + 0.003, 0, `${kthread}-16`, 'swapper/0-0', 'I');
  for (let s = preS + 0.1; s < postS - 0.1; s += 0.1)
    scene.runs(s, 0, 'swapper/0-0', `${kthread}-16`, 'R').runs(s + 0.001, 0, `${kthread}-16`, 'swapper/0-0', 'I');
  scene.runs(postS - 0.01, 0, 'swapper/0-0', `${kthread}-16`, 'R');
  probe(scene, postS, `${kthread}-16`, 'synchronize_rcu');
  scene.runs(postS + 0.001, 0, `${kthread}-16`, 'swapper/0-0', 'D');
  scene.at(11.89, 'swapper-0', 0, `sched_wakeup: comm=${kthread} pid=16 prio=120 target_cpu=000`);
  scene.runs(11.891, 0, 'swapper/0-0', `${kthread}-16`, 'R');
  probe(scene, 11.9, `${kthread}-16`, 'synchronize_rcu', true);
  scene.at(11.95, `${kthread}-16`, 0, 'sched_wakeup: comm=caller pid=20 prio=120 target_cpu=000');
  scene.runs(11.96, 0, `${kthread}-16`, 'caller-20', 'I');
  return probe(scene, 12, 'caller-20', api, true);
}

describe('RCU Tasks', () => {
  it('waits for a task that does not give up its CPU, preempted or not (W27)', async () => {
    const scene = tasksScene('synchronize_rcu_tasks', 'rcu_tasks_kthre', 0.2, 11)
      .runs(3, 1, 'hog-7', 'other-8', 'R+')
      .runs(3.1, 1, 'other-8', 'hog-7')
      .runs(10.9, 1, 'hog-7', 'swapper/1-0');
    const outcome = await replayText(scene.text);
    const blocked = ofKind(outcome, 'blocked-sync').find((finding) => finding.tid === 20);
    expect(blocked).toMatchObject({
      api: 'synchronize_rcu_tasks',
      root: { kind: 'reader-running', task: 'hog', tid: 7 },
    });
    expect(blocked?.chain.map((link) => link.name)).toEqual(
      expect.arrayContaining(['RCU Tasks grace period', 'rcu_tasks_kthre:16', 'hog:7']),
    );
    expect(blocked?.chain.find((link) => link.name === 'hog:7')?.note).toMatch(/has not given up its CPU/);
    const edges = outcome.facts.waitEdges.filter(({ rule }) => rule === 'W27');
    expect(edges).toMatchObject([{ fromNode: 'tasks-gp RCU Tasks', toNode: 'task hog:7' }]);
    expect(blocked?.chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(blocked?.blocked_ns);
  });

  it('waits for RCU before and after it looks at the tasks (W28)', async () => {
    const scene = tasksScene('synchronize_rcu_tasks', 'rcu_tasks_kthre', 10, 10.5)
      .begins(0.15)
      .ticks(1, 'hog-7', 250, 0, 9.9)
      .reports(9.9, 'hog-7')
      .ends(9.95)
      .runs(9.91, 1, 'hog-7', 'swapper/1-0');
    const outcome = await replayText(scene.text);
    const blocked = ofKind(outcome, 'blocked-sync').find((finding) => finding.tid === 20);
    expect(blocked?.root).toMatchObject({ kind: 'cpu-hog', cpu: 1 });
    expect(blocked?.chain.map((link) => link.name)).toEqual(
      expect.arrayContaining(['RCU Tasks grace period', 'rcu_tasks_kthre:16', 'rcu_preempt grace period 41', 'CPU 1']),
    );
    expect(outcome.facts.waitEdges.filter((edge) => edge.rule === 'W28')).not.toEqual([]);
  });

  it('names no task where nobody kept a CPU', async () => {
    const scene = tasksScene('synchronize_rcu_tasks', 'rcu_tasks_kthre', 0.2, 11);
    for (let s = 0; s < 12; s += 0.1)
      scene.runs(s, 1, 'hog-7', 'swapper/1-0').runs(s + 0.05, 1, 'swapper/1-0', 'hog-7', 'R');
    const blocked = ofKind(await replayText(scene.text), 'blocked-sync').find((finding) => finding.tid === 20);
    expect(blocked?.root.kind).toBe('unknown');
  });

  it('has a kthread of its own per flavour: Trace waits for readers, not for tasks', async () => {
    const scene = tasksScene('synchronize_rcu_tasks_trace', 'rcu_tasks_trace', 0.2, 11);
    const blocked = ofKind(await replayText(scene.text), 'blocked-sync').find((finding) => finding.tid === 20);
    expect(blocked?.chain.map((link) => link.name)).toContain('RCU Tasks Trace grace period');
    expect(blocked?.chain.map((link) => link.name)).not.toContain('hog:7');
  });
});
