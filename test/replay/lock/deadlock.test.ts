import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { replayProgram, thread, trace } from '../../support/replay-dsl.ts';

const LATER = thread(9, 'pause 300000 +z -z');

describe('deadlocks of locks (W22, W23, W4.31)', () => {
  it('are closed rounds of waiters and owners at the end of the capture', async () => {
    const steps = [...thread(1, '+a'), ...thread(2, '+b'), ...thread(1, '!b'), ...thread(2, '!a'), ...LATER];
    const [deadlock, ...others] = ofKind(await replayProgram(steps), 'deadlock');
    expect(others).toEqual([]);
    expect(deadlock).toMatchObject({
      severity: 'error',
      confidence: 'observed',
      waits: [
        { task: 't1', tid: 1, on: 'b held by t2:2' },
        { task: 't2', tid: 2, on: 'a held by t1:1' },
      ],
    });
    expect(deadlock.evidence.map((item) => item.role)).toContain('t1:1 acquires a');
  });

  it('of one task with itself are told as well', async () => {
    expect(ofKind(await replayProgram([...thread(1, '+a !a'), ...LATER]), 'deadlock')).toMatchObject([
      { waits: [{ tid: 1, on: 'a held by t1:1' }] },
    ]);
  });

  it('go over three tasks, one of them a reader', async () => {
    const steps = [
      ...thread(1, '+a'),
      ...thread(2, 'r+b'),
      ...thread(3, '+c'),
      ...thread(1, '!b'),
      ...thread(2, '!c'),
      ...thread(3, '!a'),
      ...LATER,
    ];
    expect(ofKind(await replayProgram(steps), 'deadlock')).toHaveLength(1);
  });

  it('are none while the owner moves on', async () => {
    const steps = [...thread(1, '+a'), ...thread(2, '+b'), ...thread(1, '!b'), ...LATER];
    expect(ofKind(await replayProgram(steps), 'deadlock')).toEqual([]);
  });

  it('are none in what lost events made doubtful', async () => {
    const steps = [
      ...thread(1, '+a', { cpu: 1 }),
      ...thread(2, '+b', { cpu: 2 }),
      ...thread(7, 'lost', { cpu: 2 }),
      ...thread(1, '!b', { cpu: 1 }),
      ...thread(2, '!a', { cpu: 2 }),
      ...LATER,
    ];
    expect(ofKind(await replayProgram(steps), 'deadlock')).toEqual([]);
  });
});

describe('mixed deadlocks', () => {
  it('close over an SRCU reader that wants a mutex whose owner waits for the readers', async () => {
    const replay = await replayText(trace`
      reader-1 [000] ..... 1.000010: __srcu_read_lock: (__srcu_read_lock+0x4/0x40) ssp=0xffffffffa0005500
      upd-2    [001] ..... 1.000020: lock_acquire: 00000000000000a0 event_mutex
      upd-2    [001] ..... 1.000021: lock_acquired: 00000000000000a0 event_mutex
      reader-1 [000] ..... 1.000030: lock_acquire: 00000000000000a0 event_mutex
      reader-1 [000] ..... 1.000031: lock_contended: 00000000000000a0 event_mutex
      reader-1 [000] d..2. 1.000032: sched_switch: prev_comm=reader prev_pid=1 prev_prio=120 prev_state=D ==> next_comm=swapper/0 next_pid=0 next_prio=120
      upd-2    [001] ..... 1.000040: synchronize_srcu: (synchronize_srcu+0x4/0xf0) ssp=0xffffffffa0005500
      upd-2    [001] d..2. 1.000050: sched_switch: prev_comm=upd prev_pid=2 prev_prio=120 prev_state=D ==> next_comm=swapper/1 next_pid=0 next_prio=120
      <idle>-0 [001] d..1. 1.900000: lock_acquire: 00000000000000b0 zz
      <idle>-0 [001] d..1. 1.900001: lock_acquired: 00000000000000b0 zz
      <idle>-0 [001] d..1. 1.900002: lock_release: 00000000000000b0 zz`);
    const [deadlock] = ofKind(replay, 'deadlock');
    expect(deadlock?.waits.map((wait) => wait.tid).sort()).toEqual([1, 2]);
    expect(deadlock?.waits.map((wait) => wait.on).join(' ')).toMatch(/event_mutex held by upd:2/);
  });
});
