/** MODEL §9 O10–O14: SRCU grace periods and the work that drives them. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { servingPeriod } from '../../../src/replay/model/sync/phases.ts';
import type { WorkExecution } from '../../../src/replay/model/work/workqueue.ts';
import { readLog, replayLog } from '../../support/event-log.ts';
import { type CaptureReplay, ofKind } from '../../support/replay-capture.ts';
import { KernelMachine, machineArbitrary } from '../kernel-machine.ts';

const sample = (name: string): string => new URL(`../../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;
const SAMPLES = ['nmi-storm', 'srcu-deadlock', 'healthy'];
const outcomes = new Map<string, CaptureReplay>();
const outcomeOf = (name: string): CaptureReplay => outcomes.get(name) as CaptureReplay;

beforeAll(async () => {
  for (const name of SAMPLES) outcomes.set(name, replayLog(await readLog(sample(name))));
});

/** HZ of the samples' kernels. */
const JIFFY_NS = 4e6;

describe('O10 one execution of a work item at a time, each after its queueing', () => {
  it.each(SAMPLES)('in %s', (name) => expectSingleExecutions(outcomeOf(name)));

  it('in generated kernels, where every grace period is found whose end shows', () => {
    let compared = 0;
    fc.assert(
      fc.property(machineArbitrary(400), (shape) => {
        const machine = KernelMachine.of(shape);
        const outcome = replayLog(machine.log);
        expectSingleExecutions(outcome);
        for (const [domain, happened] of machine.srcuPeriods) {
          const found = outcome.engine.models.srcuGp.periods.filter((gp) => gp.domain === domain && gp.endNs !== null);
          const shown = happened.slice(0, shownCount(happened));
          expect(found.slice(0, shown.length).map((gp) => [gp.scanNs, gp.endNs])).toEqual(
            shown.map((gp) => [gp.startNs, gp.endNs]),
          );
          compared += shown.length;
        }
      }),
      { numRuns: 40 },
    );
    expect(compared).toBeGreaterThan(0);
  });
});

describe('O11 a struct whose readers need RCU waits for it twice in every complete grace period (S3.14)', () => {
  it('in nmi-storm, where tracepoint_srcu and lab_srcu are such structs', () => {
    const periods = outcomeOf('nmi-storm').engine.models.srcuGp.periods.filter((gp) => gp.endNs !== null);
    expect(periods.length).toBeGreaterThanOrEqual(4);
    for (const gp of periods) expect(gp.rcuWaits, gp.domain).toBeGreaterThanOrEqual(2);
  });
});

describe('O12 a waiter is woken by callbacks that started after the end of its grace period', () => {
  it.each(['nmi-storm', 'healthy'])('in %s', (name) => {
    expect(expectCallbacksWake(outcomeOf(name))).toBeGreaterThan(0);
  });

  it('in generated kernels', () => {
    let woken = 0;
    fc.assert(
      fc.property(machineArbitrary(400), (shape) => {
        const machine = KernelMachine.of(shape).settle();
        woken += expectCallbacksWake(replayLog(machine.log), shownUntil(machine));
      }),
      { numRuns: 30 },
    );
    expect(woken).toBeGreaterThan(0);
  });
});

describe('O13 scans are repeated after ten jiffies at most, but for what waits for a worker or a timer (S3.15)', () => {
  it.each(SAMPLES)('in %s', (name) => {
    const repeated = expectPromptRepeats(outcomeOf(name));
    // Of the samples only this one has readers that last.
    if (name === 'srcu-deadlock') expect(repeated).toBeGreaterThan(50);
  });

  it('in srcu-deadlock all runs belong to the two grace periods that never end', () => {
    const { srcuGp, work } = outcomeOf('srcu-deadlock').engine.models;
    const open = srcuGp.periods.filter((gp) => gp.endNs === null);
    expect(open.map((gp) => gp.domain).sort()).toHaveLength(2);
    for (const gp of open) {
      const runs = work.srcuRuns.filter((run) => run.domain === gp.domain && run.startNs >= gp.startNs);
      expect(runs.length).toBe(gp.runs);
    }
  });

  it('in generated kernels, whose workers come late', () => {
    let repeated = 0;
    let late = 0;
    fc.assert(
      fc.property(machineArbitrary(400), (shape) => {
        const machine = KernelMachine.of(shape);
        const outcome = replayLog(machine.log, { thresholds: { blockedSyncNs: 1e6 } });
        repeated += expectPromptRepeats(outcome, shownUntil(machine));
        for (const { srcu_causes: causes } of ofKind(outcome, 'blocked-sync'))
          if (causes?.some(({ cause, ns }) => cause === 'WORKQ_STARVED' && ns >= 1e7)) late++;
      }),
      { numRuns: 40 },
    );
    expect(repeated).toBeGreaterThan(0);
    expect(late).toBeGreaterThan(0);
  });
});

describe('O14 work is queued and executed once each', () => {
  it.each(SAMPLES)('in %s', (name) => expectMatched(outcomeOf(name)));

  it('in generated kernels', () => {
    fc.assert(
      fc.property(machineArbitrary(400), (shape) => expectMatched(replayLog(KernelMachine.of(shape).log))),
      { numRuns: 30 },
    );
  });
});

function expectSingleExecutions({ facts, lastNs }: CaptureReplay): void {
  const until = new Map<string, number>();
  for (const item of [...facts.workItems].sort((a, b) => (a.startNs ?? lastNs) - (b.startNs ?? lastNs))) {
    if (item.startNs === null) continue;
    expect(item.startNs).toBeGreaterThanOrEqual(until.get(item.work) ?? 0);
    until.set(item.work, item.endNs ?? lastNs);
    if (item.queuedNs !== null) expect(item.queuedNs).toBeLessThanOrEqual(item.startNs);
  }
}

/** @returns how many repeated scans there were */
function expectPromptRepeats({ engine }: CaptureReplay, shownUntilNs: ShownUntil = new Map()): number {
  const { srcuGp, work } = engine.models;
  const lastOf = new Map<unknown, WorkExecution>();
  const inOnePeriod = (from: WorkExecution, to: WorkExecution): boolean =>
    srcuGp.periods.some(
      (gp) =>
        gp.domain === to.domain &&
        (gp.scanNs ?? to.startNs) <= from.startNs &&
        (gp.endNs ?? Number.POSITIVE_INFINITY) >= to.startNs,
    );
  let repeated = 0;
  for (const run of work.srcuRuns) {
    if (run.fn !== 'process_srcu') continue;
    const before = lastOf.get(run.work);
    lastOf.set(run.work, run);
    if (before?.endNs == null || run.domain === undefined || !inOnePeriod(before, run)) continue;
    if (run.startNs >= (shownUntilNs.get(run.domain) ?? Number.POSITIVE_INFINITY)) continue;
    // Queued by the run itself, or by the timer that it armed: what follows is the pool's (WORKQ_STARVED).
    const delayNs = (run.queuedNs ?? run.startNs) - before.endNs;
    // These CPUs are emulated: tens of milliseconds more are their normal pauses.
    expect(delayNs, `${run.domain} at ${run.startNs}`).toBeLessThanOrEqual(10 * JIFFY_NS + 1e8);
    repeated++;
  }
  return repeated;
}

/** Grace periods up to the first one whose end no event shows: what follows it cannot be told apart. */
function shownCount(periods: readonly { readonly shown: boolean }[]): number {
  const first = periods.findIndex((gp) => !gp.shown);
  return first < 0 ? periods.length : first;
}

/** By domain: since when ends do not show. */
type ShownUntil = ReadonlyMap<string, number | undefined>;

function shownUntil(machine: KernelMachine): ShownUntil {
  return new Map([...machine.srcuPeriods].map(([domain, periods]) => [domain, periods[shownCount(periods)]?.startNs]));
}

/**
 * The grace period that completes a wait, its callbacks, and the wakeup inside of them.
 * @returns how many waits were checked
 */
function expectCallbacksWake({ facts, engine, lastNs }: CaptureReplay, shownUntilNs: ShownUntil = new Map()): number {
  const { sync, srcuGp, work } = engine.models;
  let checked = 0;
  for (const wait of sync.waits) {
    if (wait.resource !== 'srcu' || wait.wokenNs === null || wait.endNs === null) continue;
    if (wait.wokenNs >= (shownUntilNs.get(wait.domain) ?? Number.POSITIVE_INFINITY)) continue;
    const wokenNs = wait.wokenNs;
    const who = `${wait.comm} at ${wait.startNs}`;
    const run = work.srcuRuns.find(
      (run) => run.fn === 'srcu_invoke_callbacks' && run.startNs <= wokenNs && (run.endNs ?? wokenNs) >= wokenNs,
    );
    expect(run, who).toBeDefined();
    const served = servingPeriod(srcuGp.periods, wait, lastNs);
    if (!served || served.endNs === null || !run) continue;
    expect(served.startNs, who).toBeLessThanOrEqual(wokenNs);
    expect(served.endNs, who).toBeLessThanOrEqual(run.startNs);
    // One run may complete the callers of a later grace period, too.
    expect(served.callbacks?.startNs ?? run.startNs, who).toBeLessThanOrEqual(run.startNs);
    checked++;
  }
  expect(facts.samples.filter(([metric]) => metric === 'srcu-gp')).toHaveLength(
    srcuGp.periods.filter((gp) => gp.endNs !== null).length,
  );
  return checked;
}

function expectMatched({ facts }: CaptureReplay): void {
  const queued = facts.workItems.filter((item) => item.queuedNs !== null);
  const keys = queued.map((item) => `${item.work} ${item.queuedNs}`);
  expect(new Set(keys).size).toBe(keys.length);
  for (const work of new Set(facts.workItems.map((item) => item.work))) {
    const items = facts.workItems.filter((item) => item.work === work);
    expect(items.filter((item) => item.startNs === null).length).toBeLessThanOrEqual(1);
    expect(items.filter((item) => item.startNs !== null && item.endNs === null).length).toBeLessThanOrEqual(1);
  }
}
