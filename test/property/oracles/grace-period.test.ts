/** MODEL §9 O1–O9: sequence numbers, masks, readers, phases and the stall decision of grace periods. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { predictStall } from '../../../src/replay/judge/stall/prediction.ts';
import { type GracePeriod, lastHoldouts } from '../../../src/replay/model/rcu/grace-period.ts';
import { type EventLog, readLog, replayLog } from '../../support/event-log.ts';
import type { CaptureReplay } from '../../support/replay-capture.ts';
import { KernelMachine, type MachineShape, machineArbitrary, type StallDetector } from '../kernel-machine.ts';

const SAMPLES = ['nmi-storm', 'healthy', 'preempted-reader', 'srcu-deadlock'];
const sample = (name: string): string => new URL(`../../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;

function run(shape: MachineShape, stall?: StallDetector): { machine: KernelMachine; outcome: CaptureReplay } {
  const machine = KernelMachine.of(shape, stall);
  return { machine, outcome: replayLog(machine.log) };
}

const normal = (outcome: CaptureReplay): GracePeriod[] =>
  outcome.engine.models.rcu.history.recent.filter((gp) => !gp.expedited && gp.seq !== null);

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
      { numRuns: 30 },
    );
  });

  it('O1 R2.14 a counter that goes back is another boot: its grace periods wait for none of the readers before', () => {
    let checked = 0;
    fc.assert(
      fc.property(machineArbitrary(400), machineArbitrary(400), (first, second) => {
        const before = KernelMachine.of(first).log;
        const shiftNs = (before.at(-1)?.tsNs ?? 0) + 1e9;
        const after = KernelMachine.of(second).log.map((event) => ({ ...event, tsNs: event.tsNs + shiftNs }));
        const starts = (log: EventLog): number => log.filter((event) => event.cells[2] === 'start').length;
        if (starts(before) < 2 || starts(after) < 1) return;
        checked++;
        const { rcu } = replayLog([...before, ...after]).engine.models;
        expect(rcu.contradictions.filter(({ what }) => what.startsWith('the counter went back'))).toHaveLength(1);
        const alone = normal(replayLog(after));
        const again = rcu.history.recent.slice(-alone.length);
        expect(again.map((gp) => [gp.seq, gp.startNs, gp.endNs])).toEqual(
          alone.map((gp) => [gp.seq, gp.startNs, gp.endNs]),
        );
        // Readers of the first boot are gone; those that were preempted before the second one's first grace period, too.
        const readers = (gp: GracePeriod): number[] => gp.holdouts.flatMap((h) => (h.kind === 'reader' ? [h.tid] : []));
        again.forEach((gp, i) => {
          expect(readers(alone[i])).toEqual(expect.arrayContaining(readers(gp)));
        });
      }),
      { numRuns: 60 },
    );
    expect(checked).toBeGreaterThan(0);
  });

  it('O3 every CPU bit set at init is cleared once, by its report, before the end', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        normal(outcome).forEach((gp, i) => {
          const cpus = gp.holdouts.filter((holdout) => holdout.kind === 'cpu');
          expect(cpus.map((holdout) => [holdout.cpu, holdout.toNs])).toEqual([...machine.periods[i].pending]);
          if (gp.endNs !== null) for (const holdout of cpus) expect(holdout.toNs).toBeLessThanOrEqual(gp.endNs);
        });
        expect(outcome.engine.models.rcu.contradictions).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('O3 a report that was lost is noticed, and moves no end', () => {
    let checked = 0;
    fc.assert(
      fc.property(machineArbitrary(), fc.nat(1000), (shape, pick) => {
        const { log } = KernelMachine.of(shape);
        const whole = replayLog(log);
        const complete = new Set(normal(whole).flatMap((gp) => (gp.endNs === null ? [] : [gp.seq])));
        const level = Math.max(
          0,
          ...log.flatMap((e) => (e.name === 'rcu_grace_period_init' ? [Number(e.cells[2])] : [])),
        );
        const reports = log.filter(
          (event) =>
            event.name === 'rcu_quiescent_state_report' &&
            complete.has(event.cells[1] as number) &&
            event.cells[4] === level &&
            event.cells[2] !== 0,
        );
        if (reports.length === 0) return;
        checked++;
        const lost = reports[pick % reports.length];
        const outcome = replayLog(log.filter((event) => event !== lost));
        expect(normal(outcome).map((gp) => [gp.seq, gp.startNs, gp.endNs])).toEqual(
          normal(whole).map((gp) => [gp.seq, gp.startNs, gp.endNs]),
        );
        expect(outcome.engine.models.rcu.contradictions.map(({ gpSeq }) => gpSeq)).toContain(lost.cells[1]);
      }),
      { numRuns: 30 },
    );
    expect(checked).toBeGreaterThan(0);
  });

  it('O4 blocked readers are those that happened, and no grace period ends before their unlock', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        normal(outcome).forEach((gp, i) => {
          const all = gp.holdouts.filter((holdout) => holdout.kind === 'reader');
          // A reader may be inferred only where no event of any reader is there, and is marked so.
          const readers = all.filter((holdout) => !holdout.inferred);
          const shown = machine.log.some((event) => /^rcu_(unlock_)?preempt(ed)?_task$/.test(event.name));
          if (shown) expect(all).toEqual(readers);
          expect(new Map(readers.map((reader) => [reader.tid, reader.toNs]))).toEqual(machine.periods[i].readers);
          if (gp.endNs !== null) for (const reader of readers) expect(reader.toNs).toBeLessThanOrEqual(gp.endNs);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('O5 a CPU that RCU does not watch at any time while pending is never among the last holdouts', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        expectQuietCpusFree(machine.log, normal(outcome));
      }),
      { numRuns: 30 },
    );
  });

  it('O6 O7 waits end after the grace period that serves them, and their phases fill them', () => {
    const checked = { served: 0, phases: 0 };
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { machine, outcome } = run(shape);
        const waits = outcome.facts.syncWaits.filter((wait) => wait.api === 'synchronize_rcu');
        expect(waits.map((wait) => [wait.tid, wait.startNs]).sort()).toEqual(
          machine.rcuWaits.map((wait) => [wait.tid, wait.startNs]).sort(),
        );
        checked.served += expectServed(outcome);
        checked.phases += expectPhasesFill(outcome);
      }),
      { numRuns: 30 },
    );
    expect(checked.served).toBeGreaterThan(0);
    expect(checked.phases).toBeGreaterThan(0);
  });

  it('O8 without some or all cpuqs and rcu_watching events the same grace periods have the same ends', () => {
    fc.assert(
      fc.property(machineArbitrary(), fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (shape, drop) => {
        const { log } = KernelMachine.of(shape);
        expectSameEnds(log);
        expectSameEnds(log, (i) => drop[i % drop.length]);
      }),
      { numRuns: 20 },
    );
  });

  it('O9 predicted warnings come at the threshold or later, and again three timeouts later at the earliest', () => {
    fc.assert(
      fc.property(machineArbitrary(), fc.integer({ min: 3, max: 20 }), (shape, tillS) => {
        for (const gp of normal(run(shape).outcome)) expectPrediction(gp, tillS * 1e9);
      }),
      { numRuns: 20 },
    );
  });

  it('O9 the decision is that of the kernel: at which tick, of which CPU, about whom, and when again', () => {
    const stall = { timeoutNs: 3e9, hz: 1000 };
    const seen = { warned: 0, self: 0, not: 0 };
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        // On many CPUs ticks are thinned out; then the CPU may be another one.
        const { machine, outcome } = run({ ...shape, cpus: ((shape.cpus - 1) % 4) + 1 }, stall);
        for (const gp of normal(outcome)) {
          const endNs = gp.endNs ?? outcome.lastNs;
          const prediction = predictStall(gp, endNs, stall.timeoutNs, stall.hz);
          const [first, second] = machine.warnings.filter((warning) => warning.seq === gp.seq);
          if (!first) {
            expect(prediction.verdict).not.toBe('would-warn');
            expect(gp.warnedNs).toBeUndefined();
            seen.not++;
            continue;
          }
          seen.warned++;
          if (first.self) seen.self++;
          const { verdict, atNs, cpu, self, nextNs } = prediction;
          expect({ verdict, atNs, cpu, self }).toEqual({
            verdict: 'would-warn',
            atNs: first.tickNs,
            cpu: first.cpu,
            self: first.self,
          });
          expect([gp.warnedCpu, gp.warnedSelf]).toEqual([first.cpu, first.self]);
          if (second) expect(second.tickNs).toBeGreaterThanOrEqual(nextNs as number);
        }
      }),
      { numRuns: 60 },
    );
    expect(seen.warned).toBeGreaterThan(5);
    expect(seen.self).toBeGreaterThan(0);
    expect(seen.not).toBeGreaterThan(5);
  });
});

/** O5: watching as rcu_watching events tell it, independently of the model. */
function expectQuietCpusFree(log: EventLog, periods: readonly GracePeriod[]): void {
  const awake = new Map<number, [fromNs: number, toNs: number][]>();
  for (const event of log) {
    if (event.name !== 'rcu_watching') continue;
    const spans = awake.get(event.cpu) ?? [];
    awake.set(event.cpu, spans);
    // Before its first record the CPU is taken to be watched unless that record ends an extended quiescent state.
    if (event.cells[1] === 0) spans.push([event.tsNs, Number.POSITIVE_INFINITY]);
    else if (event.cells[2] === 0) {
      if (spans.length === 0) spans.push([0, event.tsNs]);
      else spans[spans.length - 1][1] = event.tsNs;
    }
  }
  for (const gp of periods) {
    for (const holdout of lastHoldouts(gp)) {
      if (holdout.kind !== 'cpu' || !awake.has(holdout.cpu)) continue;
      const toNs = holdout.toNs ?? Number.POSITIVE_INFINITY;
      expect(awake.get(holdout.cpu)?.some(([from, to]) => from <= toNs && to >= holdout.fromNs)).toBe(true);
    }
  }
}

/** O6. @returns how many waits were served by a recorded grace period */
function expectServed(outcome: CaptureReplay): number {
  let served = 0;
  const periods = normal(outcome);
  for (const wait of outcome.facts.syncWaits) {
    if (wait.api !== 'synchronize_rcu' || wait.endNs === null || wait.confidence !== 'observed') continue;
    const target = periods.find((gp) => gp.startNs >= wait.startNs);
    if (!target) continue;
    served++;
    expect(target.endNs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(wait.endNs);
  }
  return served;
}

/** O7. @returns how many waits had phases */
function expectPhasesFill(outcome: CaptureReplay): number {
  let filled = 0;
  const { facts, lastNs } = outcome;
  for (const wait of facts.syncWaits) {
    const phases = facts.syncWaitPhases.filter(
      (p) => p.tid === wait.tid && p.waitNs === wait.startNs && p.api === wait.api,
    );
    if (phases.length === 0) continue;
    filled++;
    expect(phases[0].startNs).toBe(wait.startNs);
    expect(phases[phases.length - 1].endNs).toBe(wait.endNs ?? lastNs);
    for (let i = 0; i < phases.length; i++) {
      expect(phases[i].endNs).toBeGreaterThan(phases[i].startNs);
      if (i > 0) expect(phases[i].startNs).toBe(phases[i - 1].endNs);
    }
  }
  return filled;
}

/** O8. @param dropped whether the i-th such event goes; default: all */
function expectSameEnds(log: EventLog, dropped: (i: number) => boolean = () => true): void {
  const ends = (events: EventLog): unknown[] =>
    normal(replayLog(events)).map((gp) => [gp.seq, gp.startNs, gp.endNs, gp.lastReportNs]);
  let i = 0;
  const fewer = log.filter((event) => {
    const quiescent =
      event.name === 'rcu_watching' || (event.name === 'rcu_grace_period' && event.cells[2] === 'cpuqs');
    return !quiescent || !dropped(i++);
  });
  expect(ends(fewer)).toEqual(ends(log));
}

/** O9. */
function expectPrediction(gp: GracePeriod, timeoutNs: number): void {
  const endNs = gp.endNs ?? Number.POSITIVE_INFINITY;
  const prediction = predictStall(gp, endNs, timeoutNs);
  if (prediction.verdict === 'no-stall') expect(endNs).toBeLessThan(gp.startNs + timeoutNs);
  if (prediction.verdict !== 'would-warn') return;
  expect(prediction.atNs).toBeGreaterThanOrEqual(gp.startNs + timeoutNs);
  expect(prediction.nextNs).toBeGreaterThanOrEqual((prediction.atNs as number) + 3 * timeoutNs);
}

/** O1: events that print the global counter, whose values never decrease and step 0 → 1 at start, (v | 3) + 1 after end. */
const GLOBAL = /^(newreq|reqwait(sig)?|start|fqs(wait|start|end|waitsig)|end)$/;

/** @returns how many values were compared */
function expectMonotone(log: EventLog): number {
  let last: bigint | undefined;
  let after = '';
  let compared = 0;
  for (const event of log) {
    if (event.name !== 'rcu_grace_period' || !GLOBAL.test(String(event.cells[2]))) continue;
    const what = String(event.cells[2]);
    const seq = BigInt.asIntN(64, BigInt(event.cells[1] as number));
    if (last !== undefined) {
      compared++;
      expect(BigInt.asIntN(64, seq - last)).toBeGreaterThanOrEqual(0n);
      if (what === 'end') expect(seq & 3n).toBe(1n);
      if (what === 'start') expect(seq & 3n).toBe(1n);
      // Between end and the next record the counter has been rounded up.
      if (after === 'end') expect([(last | 3n) + 1n, (last | 3n) + 2n]).toContain(seq);
    }
    last = seq;
    after = what;
  }
  return compared;
}

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

  it.each(SAMPLES)('O1 the global counter never decreases, and steps at starts and ends in %s', (name) => {
    expect(expectMonotone(logs.get(name) as EventLog)).toBeGreaterThan(10);
  });

  it.each(SAMPLES)('O1 O2 sequences grow by one grace period at a time in %s', (name) => {
    const periods = normal(outcomes.get(name) as CaptureReplay).filter((gp) => gp.seq !== null);
    expect(periods.length).toBeGreaterThan(0);
    for (let i = 1; i < periods.length; i++) {
      expect(periods[i].seq).toBe((periods[i - 1].seq as number) + 4);
      expect((periods[i].seq as number) & 3).toBe(1);
    }
  });

  it.each(SAMPLES)('O3 O4 all holdouts of a complete grace period are closed by their own reports in %s', (name) => {
    const { rcu } = (outcomes.get(name) as CaptureReplay).engine.models;
    expect(rcu.contradictions).toEqual([]);
    for (const gp of rcu.history.recent) {
      if (gp.endNs === null || gp.initDoneNs === null) continue;
      for (const holdout of gp.holdouts) {
        expect(holdout.toNs).toBeLessThanOrEqual(gp.endNs);
        expect(holdout.toEvent).not.toBe(gp.endEvent);
      }
    }
  });

  it.each(SAMPLES)('O5 no CPU that RCU does not watch is a last holdout in %s', (name) => {
    expectQuietCpusFree(logs.get(name) as EventLog, normal(outcomes.get(name) as CaptureReplay));
  });

  it.each(SAMPLES)(
    'O6 O7 waits end after the grace period that serves them, and their phases fill them in %s',
    (name) => {
      const outcome = outcomes.get(name) as CaptureReplay;
      expect(expectServed(outcome)).toBeGreaterThanOrEqual(name === 'srcu-deadlock' ? 0 : 1);
      expect(expectPhasesFill(outcome)).toBeGreaterThanOrEqual(name === 'srcu-deadlock' ? 0 : 1);
    },
  );

  it.each(SAMPLES)('O8 fewer quiescent-state events never end a grace period earlier in %s', (name) => {
    expectSameEnds(logs.get(name) as EventLog);
  });

  it.each(SAMPLES)('O9 the kernel warned where the replayed decision says so, and nowhere else in %s', (name) => {
    const outcome = outcomes.get(name) as CaptureReplay;
    const warnings = (logs.get(name) as EventLog).filter((event) => event.name === 'rcu_stall_warning');
    for (const gp of normal(outcome)) {
      for (const tillS of [3, 8, 21, 26]) expectPrediction(gp, tillS * 1e9);
      // These kernels: rcu_cpu_stall_timeout 3 s, and 5 s for PROVE_RCU (R2.40).
      const warned = warnings.some((w) => w.tsNs >= gp.startNs && w.tsNs <= (gp.endNs ?? Number.POSITIVE_INFINITY));
      if (predictStall(gp, gp.endNs ?? outcome.lastNs, 7.98e9).verdict === 'no-stall') expect(warned).toBe(false);
    }
  });
});
