/** Chains from a blocked task over locks, readers and workers to whoever keeps them all (MODEL W17, W19, W22, W23, W4.40). */

import { describe, expect, it } from 'vitest';
import { notesRules, notesText } from '../support/notes.ts';
import { ofKind, replayFile, replayText } from '../support/replay-capture.ts';
import { to, trace, wakeup, waking } from '../support/replay-dsl.ts';

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

it('a task that waits for a contended lock to the end shows it, and that its holder is not recorded', async () => {
  const outcome = await replayText(
    trace`
      a-7     [000] ..... 2.000: contention_begin: 0xffff88816a524a58 (flags=MUTEX)
      a-7     [000] d..2. 2.001: ${to('a:7', 'D', IDLE)}
      <idle>-0 [000] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
    { thresholds },
  );
  const [hung] = ofKind(outcome, 'hung-task');
  expect(hung.root).toEqual({ kind: 'unknown' });
  expect(hung.chain).toMatchObject([
    { kind: 'task', name: 'a:7' },
    { kind: 'lock', name: 'mutex@ffff88816a524a58', note: 'its holder is not recorded' },
  ]);
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

describe('a preempted reader', () => {
  it('waits for the CPU that another task has (W4.2, W8, W9)', async () => {
    const outcome = await replayFile(new URL('../../samples/preempted-reader.trace.txt.zst', import.meta.url).pathname);
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked.root).toMatchObject({ kind: 'reader-preempted', task: 'lab_rcuread', tid: 83 });
    const way = blocked.chain.slice(0, 5);
    for (const [i, link] of way.entries()) expect(link.parent).toBe(i === 0 ? undefined : i - 1);
    expect(way.map((link) => `${link.rule ?? ''} ${link.kind} ${link.tid ?? link.cpu ?? ''}`)).toEqual([
      ' task 85',
      'W1 rcu-gp ',
      'W5 reader 83',
      'W9 cpu 1',
      'W8 task 84',
    ]);
    expect(way.at(-1)?.blame_ns).toBeGreaterThan(0.95 * blocked.blocked_ns);
  });
});

describe('the grace-period kthread without a CPU', () => {
  it('waits for the CPU that a real-time task has (W3, W8, W9)', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [000] d..2. 1.000: ${to(IDLE, 'R', 'fifo:7').replace('next_prio=120', 'next_prio=50')}
      fifo-7  [000] dNh2. 2.000: ${wakeup('rcu_preempt:15')}
      fifo-7  [000] d.h2. 3.000: rcu_utilization: Start scheduler-tick
      fifo-7  [000] d..2. 8.000: ${to('fifo:7', 'R', 'rcu_preempt:15')}`);
    const [starved] = ofKind(outcome, 'gp-kthread-starved');
    expect(starved).toMatchObject({ root: { kind: 'gp-kthread-starved', cpu: 0 }, blocked_ns: 6e9 });
    expect(starved.chain?.map((link) => `${link.kind} ${link.name} ${link.blame_ns}`)).toEqual([
      'kthread rcu_preempt:15 0',
      'cpu CPU 0 0',
      'task fifo:7 6000000000',
    ]);
  });

  it('is not claimed to be without one where context switches are not recorded', async () => {
    const outcome = await replayText(trace`
      fifo-7  [000] dNh2. 2.000: ${wakeup('rcu_preempt:15')}
      fifo-7  [000] d.h2. 9.000: rcu_utilization: Start scheduler-tick`);
    expect(ofKind(outcome, 'gp-kthread-starved')).toEqual([]);
  });
});

describe('work that waits for a worker', () => {
  const WORK = 'work struct=00000000000000a0 function=process_srcu workqueue=rcu_gp req_cpu=8192 cpu=0';
  const OTHER = 'work struct 00000000000000b0: function spins';
  const started = (work: string): string => work.replace('=', ' ').replace(/(0{14}\w\d)/, '$1:');

  it('waits for the worker that keeps its pool (W14, W15, S3.70)', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [000] d..2. 1.000: ${to(IDLE, 'R', 'kworker/0:1:9')}
      kworker/0:1-9 [000] ..... 1.001: workqueue_execute_start: ${OTHER}
      a-7     [001] d..1. 2.000: workqueue_queue_work: ${WORK}
      a-7     [001] d..1. 2.001: workqueue_activate_work: work struct 00000000000000a0
      kworker/0:1-9 [000] ..... 40.000: workqueue_execute_end: ${OTHER}
      kworker/0:1-9 [000] ..... 40.001: workqueue_execute_start: ${started('work struct=00000000000000a0 function process_srcu')}`);
    const [stall] = ofKind(outcome, 'workqueue-stall');
    expect(stall).toMatchObject({ work: 'process_srcu', root: { kind: 'workqueue-starved', tid: 9 } });
    expect(stall.chain?.map((link) => `${link.rule ?? ''} ${link.kind} ${link.tid ?? link.name}`)).toEqual([
      'W14 work process_srcu',
      'W15 worker 9',
    ]);
    expect(stall.chain?.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(stall.blocked_ns);
  });

  it('is on the chain of the task that waits for it, and so is what its worker waits for (W10, W16)', async () => {
    const outcome = await replayText(
      trace`
      a-7     [001] ..... 1.900: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      h-8     [000] ..... 1.000: lock_acquire: 00000000000000c0 big_mutex
      h-8     [000] ..... 1.001: lock_acquired: 00000000000000c0 big_mutex
      b-6     [000] d..1. 1.002: workqueue_queue_work: work struct=00000000000000b0 function=waits workqueue=rcu_gp req_cpu=8192 cpu=0
      kworker/0:1-9 [000] ..... 1.003: workqueue_execute_start: work struct 00000000000000b0: function waits
      kworker/0:1-9 [000] ..... 1.004: lock_acquire: 00000000000000c0 big_mutex
      kworker/0:1-9 [000] ..... 1.005: lock_contended: 00000000000000c0 big_mutex
      kworker/0:1-9 [000] d..2. 1.006: ${to('kworker/0:1:9', 'D', IDLE)}
      a-7     [001] d..1. 2.000: workqueue_queue_work: ${WORK}
      a-7     [001] d..2. 2.001: ${to('a:7', 'D', IDLE1)}
      <idle>-0 [001] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked.chain.map((link) => `${link.rule ?? ''} ${link.kind} ${link.tid ?? link.name}`)).toEqual([
      ' task 7',
      'W2 srcu-gp SRCU grace period of srcu_struct 0xffffffff81ee05a0',
      'W14 work process_srcu',
      'W16 worker 9',
      'W22 lock big_mutex',
      'W23 task 8',
    ]);
    expect(blocked.root).toEqual({ kind: 'lock-holder', task: 'h', tid: 8 });
  });
});

describe('a deadlock', () => {
  it('carries its cycle (W4.31, W4.41)', async () => {
    const outcome = await replayFile(new URL('../../samples/srcu-deadlock.trace.txt.zst', import.meta.url).pathname);
    const [deadlock] = ofKind(outcome, 'deadlock');
    expect(deadlock.root).toEqual({ kind: 'deadlock' });
    expect(deadlock.chain?.map((link) => `${link.rule ?? ''} ${link.kind} ${link.tid ?? ''}`)).toEqual([
      ' task 82',
      'W2 srcu-gp ',
      'W19 reader 83',
      'W2 srcu-gp ',
      'W19 reader 82',
    ]);
    expect(deadlock.chain?.at(-1)?.closes).toBe(true);
    for (const link of deadlock.chain?.slice(1) ?? []) expect(link.event).toBeGreaterThan(0);
  });
});

describe('a task that waits for another task (W24)', () => {
  const stack = (...frames: string[]): string => frames.map((frame) => `=> ${frame}`).join('\n');

  it('in kthread_stop() waits for what the kthread waits for', async () => {
    const outcome = await replayText(
      trace`
      k-9     [000] ..... 1.000: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      k-9     [000] d..2. 1.001: ${to('k:9', 'D', IDLE)}
      a-7     [001] ..... 2.000: sched_kthread_stop: comm=k pid=9
      a-7     [001] d..2. 2.001: ${to('a:7', 'D', IDLE1)}
      <idle>-0 [001] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [hung] = ofKind(outcome, 'hung-task').filter((finding) => finding.tid === 7);
    expect(hung.chain.map((link) => `${link.rule ?? ''} ${link.kind} ${link.tid ?? ''}`)).toEqual([
      ' task 7',
      'W24 task 9',
      'W2 srcu-gp ',
    ]);
    expect(hung.chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(hung.blocked_ns);
  });

  it('of which the kthread waits for a lock that the caller holds, is a deadlock', async () => {
    const outcome = await replayText(
      trace`
      a-7     [001] ..... 1.000: lock_acquire: 00000000000000a0 big_mutex
      a-7     [001] ..... 1.001: lock_acquired: 00000000000000a0 big_mutex
      k-9     [000] ..... 1.500: lock_acquire: 00000000000000a0 big_mutex
      k-9     [000] ..... 1.501: lock_contended: 00000000000000a0 big_mutex
      k-9     [000] d..2. 1.502: ${to('k:9', 'D', IDLE)}
      a-7     [001] ..... 2.000: sched_kthread_stop: comm=k pid=9
      a-7     [001] d..2. 2.001: ${to('a:7', 'D', IDLE1)}
      <idle>-0 [001] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [deadlock, ...others] = ofKind(outcome, 'deadlock');
    expect(others).toEqual([]);
    expect(deadlock).toMatchObject({ confidence: 'observed', root: { kind: 'deadlock' } });
    expect(deadlock.waits.map((wait) => wait.tid).sort()).toEqual([7, 9]);
    for (const hung of ofKind(outcome, 'hung-task')) expect(hung.root?.kind).toBe('deadlock');
  });

  it('in flush_work() waits for the only work item that runs all the while, which is inferred (W4.20)', async () => {
    const outcome = await replayText(
      trace`
      a-7     [001] ..... 1.000: lock_acquire: 00000000000000a0 big_mutex
      a-7     [001] ..... 1.001: lock_acquired: 00000000000000a0 big_mutex
      kworker/0:1-9 [000] ..... 1.100: workqueue_execute_start: work struct 00000000000000b0: function my_work
      kworker/0:1-9 [000] ..... 1.200: lock_acquire: 00000000000000a0 big_mutex
      kworker/0:1-9 [000] ..... 1.201: lock_contended: 00000000000000a0 big_mutex
      kworker/0:1-9 [000] d..2. 1.202: ${to('kworker/0:1:9', 'D', IDLE)}
      a-7     [001] d..2. 2.001: ${to('a:7', 'D', IDLE1)}
      a-7     [001] d..2. 2.002: <stack trace>
      ${stack('schedule', 'schedule_timeout', '__flush_work', 'my_remove')}
      <idle>-0 [001] dNh2. 20.000: rcu_utilization: Start scheduler-tick`,
      { thresholds },
    );
    const [deadlock] = ofKind(outcome, 'deadlock');
    expect(deadlock).toMatchObject({ confidence: 'inferred' });
    expect(deadlock.waits.map((wait) => wait.tid).sort()).toEqual([7, 9]);
    expect(notesRules(deadlock)).toContain('W4.20');
  });

  it('is known from its waker where nothing else tells, but an interrupt is nobody to blame (T29)', async () => {
    const recording = (flags: string): string => trace`
      a-7     [001] d..2. 2.001: ${to('a:7', 'D', IDLE1)}
      a-7     [001] d..2. 2.002: <stack trace>
      ${stack('schedule', '__mutex_lock', 'my_write')}
      h-8     [000] d..2. 3.000: ${to('h:8', 'D', IDLE)}
      <idle>-0 [000] d..2. 13.000: ${wakeup('h:8')}
      <idle>-0 [000] d..2. 13.001: ${to(IDLE, 'R', 'h:8')}
      h-8     [000] ${flags} 13.100: ${waking('a:7').replace('000', '001')}
      h-8     [000] ${flags} 13.100: ${wakeup('a:7').replace('000', '001')}
      <idle>-0 [001] d..2. 13.200: ${to(IDLE1, 'R', 'a:7')}
      <idle>-0 [001] dNh2. 20.000: rcu_utilization: Start scheduler-tick`;
    const [hung] = ofKind(await replayText(recording('d..2.'), { thresholds }), 'hung-task').filter((h) => h.tid === 7);
    expect(hung.chain.map((link) => `${link.rule ?? ''} ${link.kind} ${link.tid ?? link.name}`)).toEqual([
      ' task 7',
      'W22 lock a mutex',
      'W23 task 8',
    ]);
    expect(notesText(hung)).toContain('who woke it');
    const [other] = ofKind(await replayText(recording('d.h2.'), { thresholds }), 'hung-task').filter(
      (h) => h.tid === 7,
    );
    expect(other.chain).toHaveLength(1);
  });
});

describe('the wait-for graph as facts (MODEL 4.1)', () => {
  /** Everything that can be reached from a node over edges that last more than a second. */
  const reachable = async (sample: string, from: string): Promise<Map<string, string>> => {
    const path = new URL(`../../samples/${sample}.trace.txt.zst`, import.meta.url).pathname;
    const { facts, lastNs } = await replayFile(path);
    const rules = new Map<string, string>([[from, '']]);
    for (const node of rules.keys())
      for (const edge of facts.waitEdges)
        if (edge.fromNode === node && (edge.endNs ?? lastNs) - edge.startNs > 1e9 && !rules.has(edge.toNode))
          rules.set(edge.toNode, edge.rule);
    return rules;
  };

  it('leads from a closing task over every link of case C to the NMIs (A4)', async () => {
    expect(
      [...(await reachable('nmi-storm', 'task perf close-1:84'))].map(([node, rule]) => `${rule} ${node}`),
    ).toEqual([
      ' task perf close-1:84',
      'W2 srcu-gp tracepoint_srcu (0xffffffff81ee05a0)',
      'W10 work process_srcu of tracepoint_srcu (0xffffffff81ee05a0)',
      'W17 task kworker/0:1:9',
      'W18 rcu_preempt grace period 521',
      'W4 CPU 1',
      'W7 nmi on CPU 1',
    ]);
  });

  it('leads from a waiter over a preempted reader to the task that has its CPU (W4.2)', async () => {
    expect(
      [...(await reachable('preempted-reader', 'task lab_rcuupd:85'))].map(([node, rule]) => `${rule} ${node}`),
    ).toEqual([
      ' task lab_rcuupd:85',
      'W1 rcu_preempt grace period 345',
      'W5 reader lab_rcuread:83',
      'W6 task lab_rcuread:83',
      'W9 CPU 1',
      'W8 task lab_fifo:84',
    ]);
  });

  it('closes a cycle where there is a deadlock', async () => {
    const nodes = await reachable('srcu-deadlock', 'task lab_rdA:82');
    expect([...nodes.keys()]).toContain('task lab_rdB:83');
    expect([...(await reachable('srcu-deadlock', 'task lab_rdB:83')).keys()]).toContain('task lab_rdA:82');
  });
});
