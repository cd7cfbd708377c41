/** Work that waits for a worker, and why (MODEL S3.70, W14–W16), alone and on the way to a blocked task (S3.60 iii, v). */

import { describe, expect, it } from 'vitest';
import { notesText } from '../support/notes.ts';
import { ofKind, replayText } from '../support/replay-capture.ts';
import { trace } from '../support/replay-dsl.ts';

const to = (prev: string, state: string, next: string, prio = 120): string => {
  const [prevComm, prevTid] = prev.split(' ');
  const [nextComm, nextTid] = next.split(' ');
  return `sched_switch: prev_comm=${prevComm} prev_pid=${prevTid} prev_prio=120 prev_state=${state} ==> next_comm=${nextComm} next_pid=${nextTid} next_prio=${prio}`;
};
const wakeup = (task: string, cpu = 1): string => {
  const [comm, tid] = task.split(' ');
  return `sched_wakeup: comm=${comm} pid=${tid} prio=120 target_cpu=00${cpu}`;
};
const queue = (work: string, fn: string, workqueue = 'events', cpu = 1): string =>
  `workqueue_queue_work: work struct=00000000${work} function=${fn} workqueue=${workqueue} req_cpu=8 cpu=${cpu}`;
const activate = (work: string, fn: string): string =>
  `workqueue_activate_work: work struct 00000000${work} function=${fn}`;
const start = (work: string, fn: string): string =>
  `workqueue_execute_start: work struct 00000000${work}: function ${fn}`;
const end = (work: string, fn: string): string => `workqueue_execute_end: work struct 00000000${work}: function ${fn}`;
const IDLE = 'swapper/1 0';
const HOG = 'kworker/1:0 21';
const OTHER = 'kworker/1:1 22';

describe('a pool is starved', () => {
  const hogged = trace`
    <idle>-0 [001] d..2. 1.000: ${to(IDLE, 'R', HOG)}
    kworker/1:0-21 [001] ..... 1.001: ${start('aaaaaaaa', 'hog_fn')}
    a-7 [001] d.h1. 2.000: ${queue('bbbbbbbb', 'poor_fn')}
    a-7 [001] d.h1. 2.000: ${activate('bbbbbbbb', 'poor_fn')}
    kworker/1:0-21 [001] ..... 40.000: ${end('aaaaaaaa', 'hog_fn')}
    kworker/1:0-21 [001] ..... 40.001: ${start('bbbbbbbb', 'poor_fn')}
    kworker/1:0-21 [001] ..... 40.002: ${end('bbbbbbbb', 'poor_fn')}`;

  it('by a worker that runs without sleeping (W15)', async () => {
    const [stall] = ofKind(await replayText(hogged), 'workqueue-stall');
    expect(stall).toMatchObject({
      severity: 'error',
      workqueue: 'events',
      pool: 'cpu 1',
      work: 'poor_fn',
      root: { kind: 'workqueue-starved', cpu: 1, task: 'kworker/1:0', tid: 21 },
    });
    expect(stall.title).toMatch(/kworker\/1:0:21 keeps its worker pool/);
    expect(stall.chain?.map((link) => link.kind)).toEqual(['work', 'worker']);
    expect(stall.chain?.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(stall.blocked_ns);
  });

  it('not by one that sleeps: another worker takes the next item (T62)', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [001] d..2. 1.000: ${to(IDLE, 'R', HOG)}
      kworker/1:0-21 [001] ..... 1.001: ${start('aaaaaaaa', 'sleepy_fn')}
      kworker/1:0-21 [001] d..2. 1.002: ${to(HOG, 'D', IDLE)}
      <idle>-0 [001] d.h1. 2.000: ${queue('bbbbbbbb', 'next_fn')}
      <idle>-0 [001] d..2. 2.001: ${to(IDLE, 'R', OTHER)}
      kworker/1:1-22 [001] ..... 2.002: ${start('bbbbbbbb', 'next_fn')}
      kworker/1:1-22 [001] ..... 2.003: ${end('bbbbbbbb', 'next_fn')}
      kworker/1:1-22 [001] d..2. 2.004: ${to(OTHER, 'I', IDLE)}
      <idle>-0 [001] d..2. 60.000: ${to(IDLE, 'R', HOG)}`);
    expect(ofKind(outcome, 'workqueue-stall')).toEqual([]);
  });

  it('by NMIs, while its worker is runnable', async () => {
    const nmis = Array.from(
      { length: 3500 },
      (_, i) =>
        `a-7 [001] d.z1. ${(2.01 + i * 0.01).toFixed(6)}: nmi_handler: perf_event_nmi_handler() delta_ns: 9900000 handled: 1`,
    );
    const outcome = await replayText(trace`
      <idle>-0 [001] d..2. 1.000: ${to(IDLE, 'R', 'a 7')}
      a-7 [001] d..1. 2.000: ${queue('bbbbbbbb', 'poor_fn')}
      a-7 [001] d..1. 2.000: ${wakeup(OTHER)}
      ${nmis.join('\n')}
      a-7 [001] d..2. 37.5: ${to('a 7', 'R', OTHER)}
      kworker/1:1-22 [001] ..... 37.6: ${start('bbbbbbbb', 'poor_fn')}`);
    const [stall] = ofKind(outcome, 'workqueue-stall');
    expect(stall.root).toEqual({ kind: 'nmi-storm', cpu: 1 });
    expect(stall.chain?.map((link) => link.kind)).toEqual(['work', 'cpu', 'nmi']);
  });

  it('by a real-time task that has the CPU of its worker', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [001] d..2. 1.000: ${to(IDLE, 'R', 'rt-hog 7', 50)}
      rt-hog-7 [001] d..1. 2.000: ${queue('bbbbbbbb', 'poor_fn')}
      rt-hog-7 [001] d..1. 2.000: ${wakeup(OTHER)}
      rt-hog-7 [001] d..2. 40.0: ${to('rt-hog 7', 'S', OTHER)}
      kworker/1:1-22 [001] ..... 40.1: ${start('bbbbbbbb', 'poor_fn')}`);
    const [stall] = ofKind(outcome, 'workqueue-stall');
    expect(stall.root).toEqual({ kind: 'workqueue-starved', cpu: 1, task: 'rt-hog', tid: 7 });
    expect(stall.chain?.map((link) => link.name)).toEqual(['poor_fn', 'kworker/1:1:22', 'CPU 1', 'rt-hog:7']);
  });

  it('is told apart from a workqueue whose max_active is in use (W16)', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [001] d..2. 1.000: ${to(IDLE, 'R', HOG)}
      kworker/1:0-21 [001] ..... 1.000: ${queue('aaaaaaaa', 'first_fn', 'ordered')}
      kworker/1:0-21 [001] ..... 1.000: ${activate('aaaaaaaa', 'first_fn')}
      kworker/1:0-21 [001] ..... 1.001: ${start('aaaaaaaa', 'first_fn')}
      kworker/1:0-21 [001] d..2. 1.002: ${to(HOG, 'D', IDLE)}
      <idle>-0 [001] d.h1. 2.000: ${queue('bbbbbbbb', 'second_fn', 'ordered')}
      <idle>-0 [001] d..2. 60.000: ${to(IDLE, 'R', HOG)}`);
    const [stall] = ofKind(outcome, 'workqueue-stall');
    expect(stall).toMatchObject({ severity: 'warning', work: 'second_fn', root: { tid: 21 } });
    expect(notesText(stall)).toMatch(/max_active/);
  });
});

describe('no stall is a work item', () => {
  it('that was cancelled, as others of its pool that came later show', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [001] d.h1. 1.000: ${queue('aaaaaaaa', 'cancelled_fn')}
      <idle>-0 [001] d.h1. 2.000: ${queue('bbbbbbbb', 'next_fn')}
      kworker/1:1-22 [001] ..... 2.002: ${start('bbbbbbbb', 'next_fn')}
      kworker/1:1-22 [001] ..... 2.003: ${end('bbbbbbbb', 'next_fn')}
      <idle>-0 [001] d.h1. 60.000: ${queue('cccccccc', 'last_fn')}`);
    expect(ofKind(outcome, 'workqueue-stall')).toEqual([]);
  });

  it('that was cancelled on a CPU which does nothing', async () => {
    const outcome = await replayText(trace`
      a-7 [001] d..2. 0.500: ${to('a 7', 'S', IDLE)}
      <idle>-0 [001] d.h1. 1.000: ${queue('aaaaaaaa', 'cancelled_fn')}
      <idle>-0 [001] d..2. 60.000: ${to(IDLE, 'R', 'a 7')}`);
    expect(ofKind(outcome, 'workqueue-stall')).toEqual([]);
  });
});

describe('a wait for SRCU behind a starved pool', () => {
  it('is rooted in the worker that keeps the pool (W14, W15, S3.60 iii)', async () => {
    const outcome = await replayText(trace`
      <idle>-0 [001] d..2. 1.000: ${to(IDLE, 'R', HOG)}
      kworker/1:0-21 [001] ..... 1.001: ${start('aaaaaaaa', 'hog_fn')}
      a-7 [000] ..... 2.000: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7 [000] d..1. 2.000: ${queue('bbbbbbbb', 'process_srcu', 'rcu_gp')}
      a-7 [000] d..2. 2.001: ${to('a 7', 'D', 'swapper/0 0')}
      kworker/1:0-21 [001] ..... 12.000: ${end('aaaaaaaa', 'hog_fn')}
      kworker/1:0-21 [001] ..... 12.001: ${start('bbbbbbbb', 'process_srcu')}
      kworker/1:0-21 [001] ..... 12.002: try_check_zero: (try_check_zero+0x4/0x30) ssp=0xffffffff81ee05a0
      kworker/1:0-21 [001] ..... 12.003: ${queue('cccccccc', 'srcu_invoke_callbacks', 'rcu_gp')}
      kworker/1:0-21 [001] ..... 12.004: ${end('bbbbbbbb', 'process_srcu')}
      kworker/1:0-21 [001] ..... 12.005: ${start('cccccccc', 'srcu_invoke_callbacks')}
      kworker/1:0-21 [001] dN.2. 12.006: ${wakeup('a 7', 0)}
      kworker/1:0-21 [001] ..... 12.007: ${end('cccccccc', 'srcu_invoke_callbacks')}
      <idle>-0 [000] d..2. 12.008: ${to('swapper/0 0', 'R', 'a 7')}
      a-7 [000] ..... 12.009: synchronize_srcu_ret: (x+0x90/0xf0 <- synchronize_srcu)`);
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked.root).toEqual({ kind: 'workqueue-starved', cpu: 1, task: 'kworker/1:0', tid: 21 });
    expect(blocked.chain.map((link) => link.kind)).toEqual(['task', 'srcu-gp', 'work', 'worker']);
    expect(blocked.chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(blocked.blocked_ns);
    expect(blocked.srcu_causes?.[0]).toMatchObject({ cause: 'WORKQ_STARVED', ns: 10.001e9 });
    expect(blocked.srcu_causes?.reduce((sum, { ns }) => sum + ns, 0)).toBe(blocked.blocked_ns);
  });

  it('also when only its callbacks get no worker (S3.60 v, W20)', async () => {
    const outcome = await replayText(trace`
      a-7 [000] ..... 2.000: synchronize_srcu: (synchronize_srcu+0x4/0x30) ssp=0xffffffff81ee05a0
      a-7 [000] d..1. 2.000: ${queue('bbbbbbbb', 'process_srcu', 'rcu_gp')}
      a-7 [000] d..2. 2.001: ${to('a 7', 'D', 'swapper/0 0')}
      kworker/1:0-21 [001] ..... 2.002: ${start('bbbbbbbb', 'process_srcu')}
      kworker/1:0-21 [001] ..... 2.003: try_check_zero: (try_check_zero+0x4/0x30) ssp=0xffffffff81ee05a0
      kworker/1:0-21 [001] ..... 2.004: ${queue('cccccccc', 'srcu_invoke_callbacks', 'rcu_gp')}
      kworker/1:0-21 [001] ..... 2.005: ${end('bbbbbbbb', 'process_srcu')}
      kworker/1:0-21 [001] ..... 2.006: ${start('aaaaaaaa', 'hog_fn')}
      kworker/1:0-21 [001] ..... 12.000: rcu_utilization: Start context switch`);
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked.srcu_causes?.[0].cause).toBe('CALLBACK_BACKLOG');
    expect(blocked.root).toMatchObject({ kind: 'workqueue-starved', task: 'kworker/1:0', tid: 21 });
  });
});

describe('pools', () => {
  it('are named after their workers: high priority, unbound', async () => {
    const outcome = await replayText(trace`
      a-7 [001] ..... 1.0: ${queue('aaaaaaaa', 'high_fn', 'events_highpri')}
      kworker/1:2H-23 [001] ..... 1.1: ${start('aaaaaaaa', 'high_fn')}
      kworker/1:2H-23 [001] ..... 1.2: ${end('aaaaaaaa', 'high_fn')}
      a-7 [001] ..... 1.3: ${queue('bbbbbbbb', 'free_fn', 'events_unbound', -1)}
      kworker/u8:3-24 [000] ..... 1.4: ${start('bbbbbbbb', 'free_fn')}
      kworker/u8:3-24 [000] ..... 1.5: ${end('bbbbbbbb', 'free_fn')}`);
    expect(outcome.engine.models.work.late.map((late) => late.pool)).toEqual(['cpu 1 highpri', 'unbound 8']);
  });
});

describe('a CPU that is only spoken of', () => {
  it('is no CPU of the recording', async () => {
    const outcome = await replayText(trace`
      a-7 [001] ..... 1.0: ${queue('aaaaaaaa', 'far_fn', 'events', 3)}
      a-7 [001] ..... 1.0: ${wakeup('kworker/3:1 30', 3)}
      a-7 [001] ..... 1.1: ${queue('bbbbbbbb', 'free_fn', 'events_unbound', 4294967295)}
      a-7 [001] ..... 9.0: rcu_utilization: Start context switch`);
    expect(outcome.engine.models.cpu.all().map((cpu) => cpu.cpu)).not.toContain(3);
    expect(outcome.engine.models.work.late.map((late) => late.pool)).toEqual(['cpu 3', 'unbound']);
  });
});
