import { describe, expect, it } from 'vitest';
import { ofKind } from '../../support/replay-capture.ts';
import { type LockStep, type ProgramOptions, replayProgram, thread } from '../../support/replay-dsl.ts';

const recursions = async (steps: readonly LockStep[], options?: ProgramOptions) =>
  ofKind(await replayProgram(steps, options), 'lock-recursion').map(({ severity, locks }) => `${severity} ${locks}`);

describe('recursion: one address twice (L5.29)', () => {
  it('is certain at once where the task holds it and does not get it', async () => {
    expect(await recursions([...thread(1, '+a !a'), ...thread(2, 'sleep')])).toEqual(['error a']);
  });

  it('is likely where no lock_acquired event tells waiting from owning, until time tells', async () => {
    const steps = thread(1, '+a ~a');
    expect(await recursions(steps, { noLockStat: true })).toEqual(['warning a']);
    expect(await recursions([...steps, ...thread(2, 'pause 150000 tick')], { noLockStat: true })).toEqual(['error a']);
  });

  it('is none where the task gets it after all, or tries: a release is missing', async () => {
    expect(await recursions(thread(1, '+a +a -a'))).toEqual([]);
    expect(await recursions(thread(1, '+a ?a -a'))).toEqual([]);
    expect(await recursions(thread(1, '+a lost ~a'))).toEqual([]);
  });

  it('of a map is proved by two releases', async () => {
    expect(await recursions(thread(1, '~fs_reclaim ~fs_reclaim -fs_reclaim -fs_reclaim'))).toEqual([
      'error fs_reclaim',
    ]);
    expect(await recursions(thread(1, '~fs_reclaim ~fs_reclaim -fs_reclaim'))).toEqual(['warning fs_reclaim']);
  });

  it('of readers is one where they are fair', async () => {
    expect(await recursions(thread(1, 'r+&mm->mmap_lock r+&mm->mmap_lock -&mm->mmap_lock -&mm->mmap_lock'))).toEqual([
      'error &mm->mmap_lock',
    ]);
    // Nothing tells a rwlock from an rwsem.
    expect(await recursions(thread(1, 'r+q r+q -q -q'))).toEqual(['warning q']);
    // In an interrupt a rwlock reader is recursive, with bottom halves off too.
    expect(await recursions(thread(1, 'r+q r+q -q -q', { flags: 'd.h1.' }))).toEqual([]);
    expect(await recursions(thread(1, 'r+q r+q -q -q', { flags: 'b..1.' }))).toEqual([]);
    expect(await recursions(thread(1, 'r+rcu_read_lock r+rcu_read_lock -rcu_read_lock -rcu_read_lock'))).toEqual([]);
  });
});

describe('two addresses of one class', () => {
  it('are information: a subclass may make them legal', async () => {
    expect(await recursions(thread(1, '+a@1 +a@2 -a@2 -a@1'))).toEqual(['info a']);
  });

  it('are nothing where the kernel is known to annotate, or a trylock takes the second', async () => {
    expect(await recursions(thread(1, '+&rq->__lock@1 +&rq->__lock@2 -&rq->__lock@2 -&rq->__lock@1'))).toEqual([]);
    expect(await recursions(thread(1, '+a@1 ?a@2 -a@2 -a@1'))).toEqual([]);
  });

  const inversions = async (steps: readonly LockStep[]) =>
    ofKind(await replayProgram(steps), 'lock-inversion').map(
      ({ severity, locks, feasible }) => `${severity} ${locks} ${feasible}`,
    );

  it('in opposite orders are an inversion, which lockdep cannot see (L5.11)', async () => {
    expect(await inversions([...thread(1, '+o@1 +o@2 -o@2 -o@1'), ...thread(2, '+o@2 +o@1 -o@1 -o@2')])).toEqual([
      'warning o,o unknown',
    ]);
  });

  it('over three tasks too', async () => {
    const steps = [
      ...thread(1, '+o@1 +o@2 -o@2 -o@1'),
      ...thread(2, '+o@2 +o@3 -o@3 -o@2'),
      ...thread(3, '+o@3 +o@1 -o@1 -o@3'),
    ];
    expect(await inversions(steps)).toEqual(['warning o,o,o unknown']);
  });

  it('guarded by one lock cannot deadlock', async () => {
    const steps = [...thread(1, '+g +o@1 +o@2 -o@2 -o@1 -g'), ...thread(2, '+g +o@2 +o@1 -o@1 -o@2 -g')];
    expect(await inversions(steps)).toEqual(['warning o,o no']);
  });
});
