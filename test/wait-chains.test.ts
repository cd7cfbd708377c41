/** Chains from a blocked task over locks, readers and workers to whoever keeps them all (MODEL W17, W19, W22, W23, W4.40). */
import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from './replay-capture.ts';
import { trace } from './replay-dsl.ts';

const to = (prev: string, state: string, next: string): string => {
  const [prevComm, prevTid] = prev.split(':');
  const [nextComm, nextTid] = next.split(':');
  return `sched_switch: prev_comm=${prevComm} prev_pid=${prevTid} prev_prio=120 prev_state=${state} ==> next_comm=${nextComm} next_pid=${nextTid} next_prio=120`;
};
const wakeup = (task: string): string => {
  const [comm, tid] = task.split(':');
  return `sched_wakeup: comm=${comm} pid=${tid} prio=120 target_cpu=000`;
};
const waking = (task: string): string => wakeup(task).replace('wakeup', 'waking');
const IDLE = 'swapper/0:0';
const IDLE1 = 'swapper/1:0';
const thresholds = { hungTaskNs: 5e9 };

describe('a task hung on a mutex', () => {
  it('is led over the holder to the grace period that the holder waits for (W22, W23)', async () => {
    const outcome = await replayText(
      trace`
      h-8     [001] ..... 1.000: lock_acquire: 00000000000000a0 event_mutex
      h-8     [001] ..... 1.001: lock_acquired: 00000000000000a0 event_mutex
      h-8     [001] ..... 1.100: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      h-8     [001] d..2. 1.101: ${to('h:8', 'D', IDLE1)}
      a-7     [000] ..... 2.000: lock_acquire: 00000000000000a0 event_mutex
      a-7     [000] ..... 2.001: lock_contended: 00000000000000a0 event_mutex
      a-7     [000] d..2. 2.002: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [hung] = ofKind(outcome, 'hung-task').filter((finding) => finding.task === 'a');
    expect(hung.chain.map((link) => `${link.kind} ${link.name}`)).toEqual([
      'task a:7',
      'lock event_mutex',
      'task h:8',
      'srcu-gp SRCU grace period of srcu_struct 0xffffffff81ee05a0',
    ]);
    expect(hung.chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(hung.blocked_ns);
  });

  it('names the holder that goes on with something else as the root', async () => {
    const outcome = await replayText(
      trace`
      h-8     [001] ..... 1.000: lock_acquire: 00000000000000a0 big_mutex
      h-8     [001] ..... 1.001: lock_acquired: 00000000000000a0 big_mutex
      h-8     [001] d..2. 1.101: ${to('h:8', 'S', IDLE1)}
      a-7     [000] ..... 2.000: lock_acquire: 00000000000000a0 big_mutex
      a-7     [000] ..... 2.001: lock_contended: 00000000000000a0 big_mutex
      a-7     [000] d..2. 2.002: ${to('a:7', 'D', IDLE)}
      <idle>-0 [001] dNh2. 12.000: ${wakeup('h:8')}
      <idle>-0 [001] d..2. 12.001: ${to(IDLE1, 'R', 'h:8')}
      h-8     [001] ..... 12.002: lock_release: 00000000000000a0 big_mutex
      h-8     [001] dN.2. 12.003: ${waking('a:7')}
      h-8     [001] dN.2. 12.003: ${wakeup('a:7')}
      <idle>-0 [000] d..2. 12.004: ${to(IDLE, 'R', 'a:7')}
      a-7     [000] ..... 12.005: lock_acquired: 00000000000000a0 big_mutex
      <idle>-0 [001] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [hung] = ofKind(outcome, 'hung-task');
    expect(hung).toMatchObject({ task: 'a', root: { kind: 'lock-holder', task: 'h', tid: 8 } });
    expect(hung.chain.map((link) => link.name)).toEqual(['a:7', 'big_mutex', 'h:8']);
  });

  it('of two tasks that hold what the other wants is part of a deadlock (W4.31)', async () => {
    const outcome = await replayText(
      trace`
      a-7     [000] ..... 1.000: lock_acquire: 00000000000000a0 one
      a-7     [000] ..... 1.001: lock_acquired: 00000000000000a0 one
      b-8     [001] ..... 1.002: lock_acquire: 00000000000000b0 two
      b-8     [001] ..... 1.003: lock_acquired: 00000000000000b0 two
      a-7     [000] ..... 2.000: lock_acquire: 00000000000000b0 two
      a-7     [000] ..... 2.001: lock_contended: 00000000000000b0 two
      a-7     [000] d..2. 2.002: ${to('a:7', 'D', IDLE)}
      b-8     [001] ..... 2.003: lock_acquire: 00000000000000a0 one
      b-8     [001] ..... 2.004: lock_contended: 00000000000000a0 one
      b-8     [001] d..2. 2.005: ${to('b:8', 'D', IDLE1)}
      <idle>-0 [000] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    expect(ofKind(outcome, 'deadlock').map((finding) => finding.waits.map((wait) => wait.task).sort())).toEqual([
      ['a', 'b'],
    ]);
    for (const hung of ofKind(outcome, 'hung-task')) expect(hung.root?.kind).toBe('deadlock');
  });
});

describe('a lock that only contention events show (L5.50)', () => {
  const frozen = (holder: string, birth: string): string => trace`
      <idle>-0 [001] d..2. 0.900: ${to(IDLE1, 'R', 'h:8')}
      h-8 [001] d..2. 0.901: ${to('h:8', 'S', 'r:6')}
      r-6     [001] ..... 1.000: contention_begin: 0xffff88816a524a58 (flags=READ|PERCPU)
      r-6     [001] d..2. 1.001: ${to('r:6', 'D', IDLE1)}
      a-7     [000] ..... 2.000: contention_begin: 0xffff88816a524a58 (flags=READ|PERCPU)
      a-7     [000] d..2. 2.001: ${to('a:7', 'D', IDLE)}
      ${birth}
      ${holder}     [001] d..2. 12.000: ${waking('r:6')}
      ${holder}     [001] d..2. 12.000: ${wakeup('r:6')}
      ${holder}     [001] d..2. 12.001: ${waking('a:7')}
      ${holder}     [001] d..2. 12.001: ${wakeup('a:7')}
      r-6     [001] ..... 12.002: contention_end: 0xffff88816a524a58 (ret=0)
      a-7     [000] ..... 12.003: contention_end: 0xffff88816a524a58 (ret=0)
      <idle>-0 [000] dNh2. 20.000: rcu_utilization: Start scheduler-tick`;

  it('was held by the task whose release woke the waiter, and not by another that waited', async () => {
    const outcome = await replayText(frozen('h-8', ''), { thresholds });
    const [hung] = ofKind(outcome, 'hung-task').filter((finding) => finding.task === 'a');
    expect(hung.root).toMatchObject({ kind: 'lock-holder', task: 'h', tid: 8 });
    expect(hung.chain.map((link) => link.name)).toEqual(['a:7', 'percpu_rw_semaphore@ffff88816a524a58', 'h:8']);
  });

  it('was only released by a task that is younger than the wait', async () => {
    const birth = 's-5 [000] ..... 11.000: sched_process_fork: comm=s pid=5 child_comm=h child_pid=8';
    const [hung] = ofKind(await replayText(frozen('h-8', birth), { thresholds }), 'hung-task');
    expect(hung.root).toEqual({ kind: 'unknown' });
    expect(hung.chain.at(-1)).toMatchObject({ kind: 'lock', note: 'released by h:8' });
  });
});

describe('an SRCU reader', () => {
  it('that sleeps on a mutex passes the blame on to its owner', async () => {
    const outcome = await replayText(
      trace`
      h-8     [001] ..... 1.000: lock_acquire: 00000000000000a0 big_mutex
      h-8     [001] ..... 1.001: lock_acquired: 00000000000000a0 big_mutex
      h-8     [001] d..2. 1.101: ${to('h:8', 'S', IDLE1)}
      r-9     [000] ..... 2.000: __srcu_read_lock: (__srcu_read_lock+0x4/0x30) ssp=0xffffffff81ee05a0
      r-9     [000] ..... 2.001: lock_acquire: 00000000000000a0 big_mutex
      r-9     [000] ..... 2.002: lock_contended: 00000000000000a0 big_mutex
      r-9     [000] d..2. 2.003: ${to('r:9', 'D', 'a:7')}
      a-7     [000] ..... 2.100: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7     [000] d..2. 2.101: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked.root).toEqual({ kind: 'lock-holder', task: 'h', tid: 8 });
    expect(blocked.chain.map((link) => link.kind)).toEqual(['task', 'srcu-gp', 'reader', 'lock', 'task']);
  });
});
