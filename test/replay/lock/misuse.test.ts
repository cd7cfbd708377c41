import { describe, expect, it } from 'vitest';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { type LockStep, replayProgram, thread, to, trace } from '../../support/replay-dsl.ts';

const misuses = async (steps: readonly LockStep[]) =>
  ofKind(await replayProgram(steps), 'lock-misuse').map(({ misuse, locks }) => `${misuse} ${locks}`);

describe('an unlock too many (L5.22)', () => {
  it('is one where the task has released it already', async () => {
    expect(await misuses(thread(1, '+a -a -a'))).toEqual(['unbalanced-unlock a']);
  });

  it('is none where it may have been taken before the recording', async () => {
    expect(await misuses(thread(1, '-a'))).toEqual([]);
    expect(await misuses(thread(1, '+b -b -a'))).toEqual([]);
  });

  it('is none where events were lost in between', async () => {
    expect(await misuses(thread(1, '+a -a lost -a'))).toEqual([]);
  });

  it('is none where another task holds it: a hand-over', async () => {
    expect(await misuses([...thread(1, '+a -a'), ...thread(2, '+a'), ...thread(1, '-a')])).toEqual([]);
  });

  it('is none for another address of that name', async () => {
    expect(await misuses(thread(1, '+a@1 -a@1 -a@2'))).toEqual([]);
  });
});

describe('a lock left behind (L5.23)', () => {
  const text = (before: string, last: string) =>
    replayText(trace`
      task-1  [000] .....  1.000: lock_acquire: 00000000000000a0 a
      task-1  [000] .....  1.001: lock_acquired: 00000000000000a0 a
      ${before}
      ${last}`);
  const of = async (replay: ReturnType<typeof replayText>) =>
    ofKind(await replay, 'lock-misuse').map(({ misuse, locks, tid }) => [misuse, locks[0], tid]);
  const released = 'task-1  [000] .....  1.002: lock_release: 00000000000000a0 a';

  it('at exit', async () => {
    const exit = `task-1  [000] d..2.  1.010: ${to('task:1', 'X', 'swapper/0:0')}`;
    expect(await of(text('', exit))).toEqual([['held-at-exit', 'a', 1]]);
    expect(await of(text(released, exit))).toEqual([]);
    expect(await of(text('', exit.replace('prev_state=X', 'prev_state=S')))).toEqual([]);
  });

  it('at the end of a system call', async () => {
    const exit = 'task-1  [000] .....  1.010: sys_exit: NR 1 = 0';
    expect(await of(text('', exit))).toEqual([['held-in-user', 'a', 1]]);
    expect(await of(text(released, exit))).toEqual([]);
    expect(await of(text('CPU:0 [LOST 3 EVENTS]', exit))).toEqual([]);
  });

  it('by a work item', async () => {
    const start = 'task-1  [000] .....  0.900: workqueue_execute_start: work struct 00000000000000b0: function f';
    const end = 'task-1  [000] .....  1.010: workqueue_execute_end: work struct 00000000000000b0: function f';
    const held = (first: string, before: string) =>
      of(
        replayText(trace`
          ${first}
          task-1  [000] .....  1.000: lock_acquire: 00000000000000a0 a
          task-1  [000] .....  1.001: lock_acquired: 00000000000000a0 a
          ${before}
          ${end}`),
      );
    expect(await held(start, '')).toEqual([['leaked-by-work', 'a', 1]]);
    expect(await held(start, released)).toEqual([]);
    // Taken before the work item began: a map of the worker.
    expect(await held('', '')).toEqual([]);
  });
});
