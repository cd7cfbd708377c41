/** Edges of the wait-for graph: which grace period a call waits for. */
import { describe, expect, it } from 'vitest';
import { awaitedPeriod, tasksPeriodName, WAITS_FOR } from '../../../src/replay/knowledge/waits-for.ts';

describe('the grace period for which a call waits', () => {
  const awaited = (api: string, resource: Parameters<typeof awaitedPeriod>[0]['resource'], insideSrcuRun = false) =>
    awaitedPeriod({ api, resource, insideSrcuRun });

  it('is an RCU one, on behalf of an SRCU one in process_srcu() (W1, W18)', () => {
    expect(awaited('synchronize_rcu', 'rcu')).toBe(WAITS_FOR.rcuGp);
    expect(awaited('synchronize_rcu_expedited', 'rcu-expedited')).toBe(WAITS_FOR.rcuGp);
    expect(awaited('synchronize_rcu', 'rcu', true)).toBe(WAITS_FOR.rcuGpOfSrcu);
  });

  it('is that of the flavour for barriers, too (W2)', () => {
    expect(awaited('rcu_barrier', 'barrier')).toBe(WAITS_FOR.rcuGp);
    expect(awaited('srcu_barrier', 'barrier')).toBe(WAITS_FOR.srcuGp);
    expect(awaited('rcu_barrier_tasks_trace', 'barrier')).toBe(WAITS_FOR.tasksGp);
    expect(tasksPeriodName('rcu_barrier_tasks_trace')).toBe('RCU Tasks Trace grace period');
  });

  it('is none where the task waits for something else', () => {
    expect(awaited('flush_work', 'flush')).toBeUndefined();
    expect(awaited('', undefined)).toBeUndefined();
  });
});
