/** PREEMPT_RT: sleeping rwsems and rwlocks by their stacks (kernel/locking/rwbase_rt.c). */
import { describe, expect, it } from 'vitest';
import { classifyStack } from '../../../src/replay/knowledge/stack/stack-verdict.ts';

describe('a sleeper on PREEMPT_RT', () => {
  it('waits for an rwsem as a writer', () => {
    const stack = ['__schedule', 'schedule', 'rt_mutex_schedule', 'rwbase_write_lock', 'down_write', 'do_exit'];
    expect(classifyStack(stack)).toMatchObject({ resource: 'rwsem', api: 'down_write' });
  });

  it('waits for an rwsem as a reader', () => {
    const stack = ['__schedule', 'rt_mutex_schedule', 'rt_mutex_slowlock_block', '__rwbase_read_lock', 'down_read'];
    expect(classifyStack(stack).resource).toMatch(/^r(wsem|t-lock)$/);
  });

  it('waits for a spinlock', () => {
    const stack = ['__schedule', 'schedule_rtlock', 'rtlock_slowlock_locked', 'rt_spin_lock', 'lab'];
    expect(classifyStack(stack).resource).toBe('rt-lock');
  });
});
