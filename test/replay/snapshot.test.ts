/** Snapshots: a replay that goes on from one shows the same state as a replay from the start (prefix consistency, MODEL O23). */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { EventBatch } from '../../schema/index.ts';
import { wholeDictionary } from '../../src/jobs/pass/run-session.ts';
import { ReplayEngine } from '../../src/replay/engine.ts';
import { instantOf } from '../../src/replay/instant/instant.ts';
import { type LiveState, loadLiveState, saveLiveState } from '../../src/replay/snapshot/live-state.ts';
import { decodeSnapshot, encodeSnapshot } from '../../src/store/snapshot-codec.ts';
import { KernelMachine, machineArbitrary } from '../property/kernel-machine.ts';
import { batchesOf, type EventLog, readLog } from '../support/event-log.ts';
import { collectedFacts } from '../support/replay-capture.ts';

const SAMPLES = [
  'nmi-storm.trace.txt.zst',
  'preempted-reader.trace.txt.zst',
  'srcu-deadlock.trace.txt.zst',
  'lock-cycle.trace.txt.zst',
  'lock-cycle.perf-script.txt.zst',
  'wait-context-rt.trace.txt.zst',
  'healthy.trace.txt.zst',
];

const newEngine = (): ReplayEngine => new ReplayEngine({ facts: collectedFacts() });

/** An engine at the same instant, by way of the bytes of a snapshot. */
function thawed(engine: ReplayEngine): ReplayEngine {
  const state = decodeSnapshot(encodeSnapshot(saveLiveState(engine))) as LiveState;
  const other = newEngine();
  loadLiveState(other, state, []);
  const start = new EventBatch(1);
  start.delta = wholeDictionary(engine.world.dictionary);
  other.step(start);
  return other;
}

/** Replays twice, the second time from snapshots taken after the batches of these numbers, and compares after every batch. */
function expectSameStates(log: EventLog, sizes: readonly number[], snapshots: ReadonlySet<number>): void {
  const engine = newEngine();
  let other: ReplayEngine | undefined;
  let number = 0;
  for (const batch of batchesOf(log, sizes)) {
    engine.step(batch);
    other?.step(batch);
    const atNs = engine.world.nowNs;
    if (other) expect(instantOf(other, atNs)).toEqual(instantOf(engine, atNs));
    if (snapshots.has(number)) {
      other = thawed(engine);
      expect(instantOf(other, atNs)).toEqual(instantOf(engine, atNs));
    }
    number++;
  }
}

describe('a replay from a snapshot', () => {
  const logs = new Map<string, EventLog>();

  beforeAll(async () => {
    for (const name of SAMPLES)
      logs.set(name, await readLog(new URL(`../../samples/${name}`, import.meta.url).pathname));
  });

  it.each(SAMPLES)('shows the states of a replay from the start: %s', (name) => {
    // Uneven batches: a snapshot may fall between a context switch and its stack.
    expectSameStates(logs.get(name) as EventLog, [2997, 1, 3203], new Set([3, 4, 7, 11, 16]));
  });

  it('shows the states of a replay from the start: generated kernels', () => {
    fc.assert(
      fc.property(
        machineArbitrary(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.nat(20),
        (shape, sizes, at) => {
          expectSameStates(KernelMachine.of(shape).log, sizes, new Set([at]));
        },
      ),
      { numRuns: 25 },
    );
  });
});
