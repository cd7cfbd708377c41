/** MODEL §9 O1–O9: sequence numbers, masks, readers, phases and the stall decision of grace periods. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { GracePeriod } from '../../src/replay/model/grace-period.ts';
import { type EventLog, readLog, replayLog } from '../event-log.ts';
import type { CaptureReplay } from '../replay-capture.ts';
import { KernelMachine, type MachineShape, machineArbitrary } from './kernel-machine.ts';

const SAMPLES = ['nmi-storm', 'healthy', 'preempted-reader', 'srcu-deadlock'];
const sample = (name: string): string => new URL(`../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;

function run(shape: MachineShape): { machine: KernelMachine; outcome: CaptureReplay } {
  const machine = KernelMachine.of(shape);
  return { machine, outcome: replayLog(machine.log) };
}

const normal = (outcome: CaptureReplay): GracePeriod[] =>
  outcome.engine.models.rcu.periods.filter((gp) => !gp.expedited && gp.seq !== null);

describe('generated kernels', () => {
  it('O1 O2 every grace period has the sequence, start and end that happened, and the next differs by 4', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        const periods = normal(outcome);
        expect(periods.map((gp) => [gp.seq, gp.startNs, gp.endNs])).toEqual(
          machine.periods.map((gp) => [gp.seq, gp.startNs, gp.endNs]),
        );
        for (let i = 1; i < periods.length; i++) expect(periods[i].seq).toBe((periods[i - 1].seq as number) + 4);
      }),
      { numRuns: 60 },
    );
  });

  it('O3 every CPU bit set at init is cleared once, by its report, before the end', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        normal(outcome).forEach((gp, i) => {
          const owed = gp.holdouts.filter((holdout) => holdout.kind === 'cpu');
          expect(owed.map((holdout) => [holdout.cpu, holdout.toNs])).toEqual([...machine.periods[i].owed]);
          if (gp.endNs !== null) for (const holdout of owed) expect(holdout.toNs).toBeLessThanOrEqual(gp.endNs);
        });
        expect(outcome.engine.models.rcu.contradictions).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('O4 blocked readers are those that happened, and no grace period ends before their unlock', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        normal(outcome).forEach((gp, i) => {
          const readers = gp.holdouts.filter((holdout) => holdout.kind === 'reader');
          expect(new Map(readers.map((reader) => [reader.tid, reader.toNs]))).toEqual(machine.periods[i].readers);
          if (gp.endNs !== null) for (const reader of readers) expect(reader.toNs).toBeLessThanOrEqual(gp.endNs);
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('real captures', () => {
  const logs = new Map<string, EventLog>();
  const outcomes = new Map<string, CaptureReplay>();
  beforeAll(async () => {
    for (const name of SAMPLES) {
      const log = await readLog(sample(name));
      logs.set(name, log);
      outcomes.set(name, replayLog(log));
    }
  });

  it.each(SAMPLES)('O1 O2 sequences grow by one grace period at a time in %s', (name) => {
    const periods = normal(outcomes.get(name) as CaptureReplay).filter((gp) => gp.seq !== null);
    expect(periods.length).toBeGreaterThan(0);
    for (let i = 1; i < periods.length; i++) {
      expect(periods[i].seq).toBe((periods[i - 1].seq as number) + 4);
      expect((periods[i].seq as number) & 3).toBe(1);
    }
  });

  it.each(SAMPLES)('O3 O4 all debts of a complete grace period are settled by their own reports in %s', (name) => {
    const { rcu } = (outcomes.get(name) as CaptureReplay).engine.models;
    expect(rcu.contradictions).toEqual([]);
    for (const gp of rcu.periods) {
      if (gp.endNs === null || gp.initDoneNs === null) continue;
      for (const holdout of gp.holdouts) {
        expect(holdout.toNs).toBeLessThanOrEqual(gp.endNs);
        expect(holdout.toEvent).not.toBe(gp.endEvent);
      }
    }
  });
});
