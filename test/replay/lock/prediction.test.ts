import { describe, expect, it } from 'vitest';
import { notesText } from '../../support/notes.ts';
import { ofKind } from '../../support/replay-capture.ts';
import { type LockStep, replayProgram, thread } from '../../support/replay-dsl.ts';

const feasible = async (...blocks: readonly LockStep[][]): Promise<string[]> =>
  ofKind(await replayProgram(blocks.flat()), 'lock-inversion').map((finding) => finding.feasible);

const ring = (size: number): LockStep[][] =>
  Array.from({ length: size }, (_, i) => {
    const [first, second] = [`l${i}`, `l${(i + 1) % size}`];
    return thread(i + 1, `+${first} +${second} -${second} -${first}`);
  });

describe('sync-preserving prediction (PLDI 2023)', () => {
  it('finds opposite orders of two threads feasible', async () => {
    expect(await feasible(thread(1, '+a +b -b -a'), thread(2, '+b +a -a -b'))).toEqual(['yes']);
  });

  it('finds rings of any size feasible', async () => {
    for (const size of [3, 4, 5, 7]) expect(await feasible(...ring(size))).toEqual(['yes']);
  });

  it('refuses one thread', async () => {
    expect(await feasible(thread(1, '+a +b -b -a'), thread(1, '+b +a -a -b'))).toEqual(['no']);
  });

  it('refuses a common guard, at any depth', async () => {
    expect(await feasible(thread(1, '+g +a +b -b -a -g'), thread(2, '+x +g +b +a -a -b -g -x'))).toEqual(['no']);
  });

  it('lets readers of a common lock meet', async () => {
    expect(await feasible(thread(1, 'r+g +a +b -b -a -g'), thread(2, 'r+g +b +a -a -b -g'))).toEqual(['yes']);
  });

  it('refuses what a fork orders', async () => {
    expect(await feasible(thread(1, '+a +b -b -a fork 2'), thread(2, '+b +a -a -b'))).toEqual(['no']);
  });

  it('does not mind a fork before both', async () => {
    expect(await feasible(thread(1, 'fork 2 +a +b -b -a'), thread(2, '+b +a -a -b'))).toEqual(['yes']);
  });

  it('sees order over a grandparent', async () => {
    expect(await feasible(thread(1, '+a +b -b -a fork 2'), thread(2, 'fork 3'), thread(3, '+b +a -a -b'))).toEqual([
      'no',
    ]);
  });

  it('refuses what the order of critical sections of a third lock enforces', async () => {
    // Thread 2 took x after thread 1 had left it, and thread 1 left it after its nest: x’s sections keep their order.
    expect(await feasible(thread(1, '+x +a +b -b -a -x'), thread(2, '+x -x +b +a -a -b'))).toEqual(['no']);
  });

  it('accepts when the third lock was left before the nest', async () => {
    expect(await feasible(thread(1, '+x -x +a +b -b -a'), thread(2, '+x -x +b +a -a -b'))).toEqual(['yes']);
  });

  it('tries later rounds when the first is ordered', async () => {
    expect(await feasible(thread(1, '+a +b -b -a fork 2'), thread(2, '+b +a -a -b'), thread(1, '+a +b -b -a'))).toEqual(
      ['yes'],
    );
  });

  it('lets one thread cover two edges of a ring', async () => {
    expect(await feasible(thread(1, '+a +b +c -c -b -a'), thread(2, '+c +a -a -c'))).toEqual(['yes']);
  });

  it('wants the same addresses, not the same names', async () => {
    expect(await feasible(thread(1, '+a@1 +b@2 -b@2 -a@1'), thread(2, '+b@2 +a@3 -a@3 -b@2'))).toEqual(['no']);
  });

  it('knows a guard held since before the capture by its release', async () => {
    expect(await feasible(thread(1, '+a +b -b -a -g'), thread(2, '+g +b +a -a -b -g'))).toEqual(['no']);
  });

  it('says unknown where two threads read one lock: a writer in between decides', async () => {
    expect(await feasible(thread(1, 'r+a +b -b -a'), thread(2, '+b r+a -a -b'))).toEqual(['unknown']);
  });

  it('does not predict what interrupts do', async () => {
    expect(
      await feasible(thread(1, '+a +b -b -a', { flags: 'd.h1.' }), thread(2, '+b +a -a -b', { flags: 'd.h1.' })),
    ).toEqual(['unknown']);
  });

  it('says when wake-ups order the nests in this run, without believing that they must', async () => {
    const [finding] = ofKind(
      await replayProgram([...thread(1, '+a +b -b -a wake 2'), ...thread(2, '+b +a -a -b')]),
      'lock-inversion',
    );
    expect(finding.feasible).toBe('yes');
    expect(notesText(finding)).toMatch(/wakeups put one nested acquisition before the other/);
  });

  it('says unknown when more happened than it kept', async () => {
    const rounds = Array.from({ length: 40 }, () => thread(1, '+a +b -b -a')).flat();
    expect(await feasible([...rounds, ...thread(1, 'fork 2')], thread(2, '+b +a -a -b'))).toEqual(['unknown']);
  });
});
