import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimalCycles } from '../../src/replay/judge/lock/order/cycles.ts';
import { feasibility } from '../../src/replay/judge/lock/predict/feasibility.ts';
import { lockRecord } from '../../src/replay/record/lock-record.ts';
import { replayProgram } from '../support/replay-dsl.ts';
import { deadlockStates, type PlainStep } from './lock-reference.ts';

const LOCKS = ['a', 'b', 'c'];

/**
 * Interleaved runs of three threads, each a row of nests, that really could happen: an acquisition comes only while nobody holds
 * the lock; a run that would deadlock is cut there.
 */
const program = (depth: number): fc.Arbitrary<PlainStep[]> =>
  fc
    .record({
      nests: fc.array(
        fc.record({
          tid: fc.integer({ min: 1, max: 3 }),
          locks: fc.shuffledSubarray(LOCKS, { minLength: 1, maxLength: depth }),
          crosswise: fc.boolean(),
        }),
        { minLength: 4, maxLength: 8 },
      ),
      schedule: fc.array(fc.nat(2), { minLength: 60, maxLength: 60 }),
    })
    .map(({ nests, schedule }) => {
      const queues = [1, 2, 3].map((tid) =>
        nests
          .filter((nest) => nest.tid === tid)
          .flatMap(({ locks, crosswise }) => [
            ...locks.map((lock) => ({ tid, acquire: true, lock })),
            ...(crosswise ? locks : [...locks].reverse()).map((lock) => ({ tid, acquire: false, lock })),
          ]),
      );
      const held = new Set<string>();
      const steps: PlainStep[] = [];
      for (const choice of schedule) {
        const ready = queues.filter((queue) => queue.length > 0 && !(queue[0].acquire && held.has(queue[0].lock)));
        const step = ready[choice % Math.max(ready.length, 1)]?.shift();
        if (step === undefined) break;
        if (step.acquire) held.add(step.lock);
        else held.delete(step.lock);
        steps.push(step);
      }
      return steps;
    });

/** Every cycle with its verdict; the acquisitions of a `yes` as step numbers. */
async function predictions(steps: readonly PlainStep[]) {
  const replay = await replayProgram(
    steps.map((step) => ({ tid: step.tid, op: `${step.acquire ? '+' : '-'}${step.lock}` })),
  );
  const { world, models } = replay.engine;
  const evidence = lockRecord(world, models);
  // An acquisition makes two records, a release one.
  const eventOf: number[] = [];
  let event = 1;
  for (const step of steps) {
    eventOf.push(event);
    event += step.acquire ? 2 : 1;
  }
  return minimalCycles(evidence.edges).map((cycle) => {
    const verdict = feasibility(
      cycle,
      evidence.history,
      evidence.wakes,
      () => true,
      () => false,
      String,
    );
    return {
      verdict: verdict.verdict,
      locks: cycle.map((edge) => evidence.classes[edge.from].name).sort(),
      steps: verdict.events.map((id) => eventOf.indexOf(id)).sort((a, b) => a - b),
    };
  });
}

describe('prediction against the exploration of all sync-preserving reorderings', () => {
  it('is sound: every yes is a state that a reordering reaches', async () => {
    await fc.assert(
      fc.asyncProperty(program(3), async (steps) => {
        const states = deadlockStates(steps);
        for (const { verdict, steps: at } of await predictions(steps))
          if (verdict === 'yes') expect([...states]).toContain(at.join(','));
      }),
      { numRuns: 250 },
    );
  });

  it('is complete for nests of two: no means that no reordering stands in that cycle', async () => {
    await fc.assert(
      fc.asyncProperty(program(2), async (steps) => {
        const states = [...deadlockStates(steps)].map((state) =>
          state
            .split(',')
            .map((i) => steps[Number(i)].lock)
            .sort()
            .join(),
        );
        for (const { verdict, locks } of await predictions(steps))
          if (verdict === 'no') expect(states).not.toContain(locks.join());
      }),
      { numRuns: 250 },
    );
  });
});
