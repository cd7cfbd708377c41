/** Waits for grace periods and SRCU readers from whatever shows them (MODEL W4.12, S3.1–S3.3, T12). */
import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from '../support/replay-capture.ts';
import { to, trace, wakeup } from '../support/replay-dsl.ts';

const IDLE = 'swapper/0:0';

describe('a wait without a recorded return', () => {
  it('is over where its last sleep ended, once the task calls again (W4.13)', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_rcu: (synchronize_rcu+0x4/0x30)
      a-7     [000] d..2. 1.001: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 1.900: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 1.901: ${to(IDLE, 'R', 'a:7')}
      a-7     [000] ..... 2.000: synchronize_rcu: (synchronize_rcu+0x4/0x30)
      a-7     [000] d..2. 2.001: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 2.500: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 2.501: ${to(IDLE, 'R', 'a:7')}
      a-7     [000] d..2. 2.600: ${to('a:7', 'S', IDLE)}
      <idle>-0 [000] d..2. 9.000: rcu_utilization: Start scheduler-tick`);
    expect(facts.syncWaits.map((wait) => [wait.startNs, wait.endNs])).toEqual([
      [1e9, 1.9e9],
      [2e9, 2.5e9],
    ]);
  });

  it('is over when its task returns to user mode', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7     [000] d..2. 1.001: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 1.900: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 1.901: ${to(IDLE, 'R', 'a:7')}
      a-7     [000] ..... 1.950: sys_exit_close: 0x0
      a-7     [000] ..... 9.000: rcu_utilization: Start scheduler-tick`);
    expect(facts.syncWaits.map((wait) => [wait.startNs, wait.endNs])).toEqual([[1e9, 1.9e9]]);
  });

  it('ends with the return of an inner function when the outer one has no probe on its return', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7     [000] ..... 1.001: __synchronize_srcu: (__synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7     [000] ..... 1.500: __synchronize_srcu_ret: (synchronize_srcu+0x90/0xf0 <- __synchronize_srcu)
      a-7     [000] ..... 9.000: rcu_utilization: Start scheduler-tick`);
    expect(facts.syncWaits.map((wait) => [wait.startNs, wait.endNs])).toEqual([[1e9, 1.5e9]]);
  });
});

describe('tracers as probes (MODEL 1.8)', () => {
  it('the function tracer shows the call, sleeps show its end', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_srcu <-perf_trace_event_unreg
      a-7     [000] ..... 1.001: __synchronize_srcu <-synchronize_srcu
      a-7     [000] d..2. 1.002: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 3.000: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 3.001: ${to(IDLE, 'R', 'a:7')}
      a-7     [000] d..2. 3.100: ${to('a:7', 'S', IDLE)}`);
    expect(facts.syncWaits).toMatchObject([{ api: 'synchronize_srcu', tid: 7, startNs: 1e9, endNs: 3e9 }]);
  });

  it('the function_graph tracer shows both ends', async () => {
    const { facts } = await replayText(
      `${[
        '           a-7     [000]     1.000000: funcgraph_entry:                   |  synchronize_rcu() {',
        '           a-7     [000]     3.500000: funcgraph_exit:      $ 2500000.0 us |  }',
        '           a-7     [000]     3.600000: rcu_utilization:      Start context switch',
      ].join('\n')}\n`,
    );
    expect(facts.syncWaits).toMatchObject([{ api: 'synchronize_rcu', tid: 7, startNs: 1e9, endNs: 3.5e9 }]);
  });
});

describe('srcu_structs have one identity (S3.1)', () => {
  it('an address and a name are one struct where the lock event of a reader follows its probe', async () => {
    const { facts } = await replayText(trace`
      r-8     [001] ..... 1.000: __srcu_read_lock: (__srcu_read_lock+0x4/0x30) ssp=0xffffffff81ee05a0
      r-8     [001] ..... 1.001: lock_acquire: 00000000000000a0 read lab_srcu
      a-7     [000] ..... 1.100: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      r-8     [001] ..... 2.000: lock_release: 00000000000000a0 lab_srcu
      r-8     [001] ..... 2.001: __srcu_read_unlock: (__srcu_read_unlock+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7     [000] ..... 2.500: synchronize_srcu_ret: (x+0x90/0xf0 <- synchronize_srcu)`);
    expect(facts.srcuReaders).toEqual([
      { domain: 'lab_srcu (0xffffffff81ee05a0)', comm: 'r', tid: 8, startNs: 1e9, endNs: 2.001e9 },
    ]);
    expect(facts.syncWaits[0].domain).toBe('lab_srcu (0xffffffff81ee05a0)');
  });

  it('the update-side lock names the struct of the call that takes it (S3.2)', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_srcu <-srcuok
      a-7     [000] d..1. 1.001: lock_acquire: 00000000000000b0 lab_srcu_srcu_usage.lock
      a-7     [000] d..1. 1.002: lock_release: 00000000000000b0 lab_srcu_srcu_usage.lock
      a-7     [000] d..2. 1.003: ${to('a:7', 'D', IDLE)}`);
    expect(facts.syncWaits[0].domain).toBe('lab_srcu');
  });

  it('and of the run that does', async () => {
    const { engine } = await replayText(trace`
      kworker/0:1-9 [000] ..... 1.000: workqueue_execute_start: work struct 00000000a235ef34: function process_srcu
      kworker/0:1-9 [000] d..1. 1.001: lock_acquire: 00000000000000b0 lab_srcu_srcu_usage.lock
      kworker/0:1-9 [000] d..1. 1.002: lock_release: 00000000000000b0 lab_srcu_srcu_usage.lock
      kworker/0:1-9 [000] ..... 1.100: workqueue_execute_end: work struct 00000000a235ef34: function process_srcu`);
    expect(engine.models.work.srcuRuns.map((run) => run.domain)).toEqual(['lab_srcu']);
  });

  it('the lock of a struct that an interrupt asks for names nothing', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_srcu <-srcuok
      a-7     [000] d.h1. 1.001: lock_acquire: 00000000000000b0 other_srcu_usage.lock
      a-7     [000] d..2. 1.003: ${to('a:7', 'D', IDLE)}`);
    expect(facts.syncWaits[0].domain).toBe('');
  });
});

describe('readers from lock events alone (S3.3)', () => {
  it('close a deadlock with the structs that the update-side locks name', async () => {
    const outcome = await replayText(trace`
      a-7     [000] ..... 1.000: lock_acquire: 00000000000000a0 read srcu_one
      b-8     [001] ..... 1.001: lock_acquire: 00000000000000b0 read srcu_two
      a-7     [000] ..... 1.100: synchronize_srcu <-first
      a-7     [000] d..1. 1.101: lock_acquire: 00000000000000c0 srcu_two_srcu_usage.lock
      a-7     [000] d..2. 1.102: ${to('a:7', 'D', IDLE)}
      b-8     [001] ..... 1.200: synchronize_srcu <-second
      b-8     [001] d..1. 1.201: lock_acquire: 00000000000000d0 srcu_one_srcu_usage.lock
      b-8     [001] d..2. 1.202: ${to('b:8', 'D', 'swapper/1:0')}
      <idle>-0 [000] d..1. 9.000: rcu_utilization: Start scheduler-tick`);
    expect(ofKind(outcome, 'deadlock').map((finding) => finding.waits.map((wait) => wait.task).sort())).toEqual([
      ['a', 'b'],
    ]);
  });

  it('are no update-side locks, and no mutexes of a struct', async () => {
    const { facts } = await replayText(trace`
      a-7     [000] ..... 1.000: lock_acquire: 00000000000000a0 read &ssp->srcu_sup->srcu_gp_mutex
      a-7     [000] ..... 1.001: lock_acquire: 00000000000000b0 read &ACCESS_PRIVATE(ssp->srcu_sup, lock)
      a-7     [000] ..... 1.002: lock_acquire: 00000000000000c0 read &mm->mmap_lock
      a-7     [000] ..... 2.000: rcu_utilization: Start scheduler-tick`);
    expect(facts.srcuReaders).toEqual([]);
  });
});

describe('two structs in one tracepoint teardown (T12, S3.50)', () => {
  const frames = ['__schedule', 'wait_for_completion', '__synchronize_srcu', 'perf_trace_event_unreg', 'perf_release'];
  const stack = (indent: string): string => frames.map((frame) => `${indent}=> ${frame}`).join('\n');
  const sleep = (from: number, until: number): string => `
    a-7     [000] d..2. ${from}.000: ${to('a:7', 'D', IDLE)}
    a-7     [000] d..2. ${from}.000: <stack trace>
    ${stack('')}
    <idle>-0 [000] dNh2. ${until}.000: ${wakeup('a:7')}
    <idle>-0 [000] d..2. ${until}.000: ${to(IDLE, 'R', 'a:7')}`;
  const once = trace`${sleep(1, 3)}
    a-7     [000] d..2. 3.001: ${to('a:7', 'S', IDLE)}`;
  const domains = async (text: string, release?: string): Promise<string[]> => {
    const { facts } = await replayText(text, release ? { profile: { release } } : {});
    return facts.syncWaits.map((wait) => wait.domain);
  };

  it('is tracepoint_srcu before v7.0', async () => {
    expect(await domains(once, '6.12.117')).toEqual(['tracepoint_srcu']);
  });

  it('is one of two on v7.0 when one call is recorded', async () => {
    expect(await domains(once, '7.0.0')).toEqual(['rcu_tasks_trace_srcu_struct or tracepoint_srcu']);
  });

  it('is known by its place when both calls are', async () => {
    const both = trace`
      a-7     [000] ..... 1.000: synchronize_srcu: (synchronize_srcu+0x4/0x30)
      ${sleep(1, 3)}
      a-7     [000] ..... 3.001: synchronize_srcu_ret: (x+0x90/0xf0 <- synchronize_srcu)
      a-7     [000] ..... 3.002: synchronize_srcu: (synchronize_srcu+0x4/0x30)
      ${sleep(4, 6)}
      a-7     [000] ..... 6.001: synchronize_srcu_ret: (x+0x90/0xf0 <- synchronize_srcu)`;
    const { engine } = await replayText(both, { profile: { release: '7.0.0' } });
    expect(engine.models.sync.waits.map((wait) => wait.domain)).toEqual([
      'rcu_tasks_trace_srcu_struct',
      'tracepoint_srcu',
    ]);
  });
});

describe('an expedited call inside synchronize_rcu() (R2.20)', () => {
  it('is part of one wait, and the expedited grace period is on its chain', async () => {
    const outcome = await replayText(trace`
      a-7     [000] ..... 1.000: synchronize_rcu: (synchronize_rcu+0x4/0x30)
      a-7     [000] ..... 1.001: synchronize_rcu_expedited: (synchronize_rcu_expedited+0x4/0x30)
      kworker/0:1-9 [000] ..... 1.010: rcu_exp_grace_period: rcu_preempt 44 start
      a-7     [000] d..2. 1.011: ${to('a:7', 'D', IDLE)}
      kworker/0:1-9 [000] ..... 4.000: rcu_exp_grace_period: rcu_preempt 44 end
      <idle>-0 [000] dNh2. 4.001: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 4.002: ${to(IDLE, 'R', 'a:7')}
      a-7     [000] ..... 4.003: synchronize_rcu_expedited_ret: (x+0x90/0xf0 <- synchronize_rcu_expedited)
      a-7     [000] ..... 4.004: synchronize_rcu_ret: (x+0x90/0xf0 <- synchronize_rcu)`);
    const blocked = ofKind(outcome, 'blocked-sync');
    expect(blocked).toHaveLength(1);
    expect(blocked[0].api).toBe('synchronize_rcu');
    expect(blocked[0].chain.some((link) => link.name.includes('expedited grace period 44'))).toBe(true);
    expect(blocked[0].chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(blocked[0].blocked_ns);
  });
});
