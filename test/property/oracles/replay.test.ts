/** MODEL §9 O23–O25 and O27–O29: what a replay says does not depend on how its input is cut, ordered, named or dated. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type EventLog, type LoggedEvent, readLog, replayLog, tracepoint } from '../../support/event-log.ts';
import { type CaptureReplay, ofKind } from '../../support/replay-capture.ts';
import { KernelMachine, machineArbitrary } from '../kernel-machine.ts';
import {
  addNoise,
  coarsen,
  mergeStreams,
  permuteTies,
  renameComms,
  renameLog,
  sayings,
  shiftLog,
} from '../log-transforms.ts';

const SAMPLES = ['nmi-storm', 'preempted-reader', 'srcu-deadlock'];
const sample = (name: string): string => new URL(`../../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;
const logs = new Map<string, EventLog>();
const outcomes = new Map<string, CaptureReplay>();
const logOf = (name: string): EventLog => logs.get(name) as EventLog;
const outcomeOf = (name: string): CaptureReplay => outcomes.get(name) as CaptureReplay;

beforeAll(async () => {
  for (const name of SAMPLES) {
    logs.set(name, await readLog(sample(name)));
    outcomes.set(name, replayLog(logOf(name)));
  }
});

/** Asks for verdicts about waits of a millisecond. */
const EAGER = { thresholds: { blockedSyncNs: 1e6, hungTaskNs: 1e6, nmiStormWindowNs: 1e8 } };

const everything = ({ findings, assessments, facts }: CaptureReplay): unknown => ({
  findings,
  assessments,
  gracePeriods: facts.gracePeriods,
  syncWaits: facts.syncWaits,
  workItems: facts.workItems,
  waitEdges: facts.waitEdges,
  taskStates: facts.taskStates.length,
  samples: facts.samples,
});

describe('O23 streaming is the same as batch', () => {
  it.each(SAMPLES)('batch boundaries at random places change nothing in %s', (name) => {
    const batchSizes = [1, 7, 8192, 333, 2, 1000];
    expect(everything(replayLog(logOf(name), { batchSizes }))).toEqual(everything(outcomeOf(name)));
  });

  it('batch boundaries change nothing in generated kernels', () => {
    fc.assert(
      fc.property(
        machineArbitrary(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (shape, batchSizes) => {
          const { log } = KernelMachine.of(shape);
          expect(everything(replayLog(log, { ...EAGER, batchSizes }))).toEqual(everything(replayLog(log, EAGER)));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('a prefix shows the waits, grace periods and task states that are open at its end', () => {
    fc.assert(
      fc.property(machineArbitrary(), fc.double({ min: 0.1, max: 1, noNaN: true }), (shape, part) => {
        const { log } = KernelMachine.of(shape);
        const prefix = log.slice(0, Math.ceil(log.length * part));
        const atNs = prefix[prefix.length - 1].tsNs;
        expect(openNow(replayLog(prefix))).toEqual(openAt(replayLog(log), atNs));
      }),
      { numRuns: 30 },
    );
  });

  it.each(SAMPLES)('a prefix of %s shows what is open at its end', (name) => {
    const log = logOf(name);
    // Up to a time at which nothing else happens: text has microseconds, and ties have no order.
    let cut = Math.floor(log.length * 0.6);
    while (log[cut].tsNs === log[cut - 1].tsNs) cut++;
    const prefix = log.slice(0, cut);
    expect(openNow(replayLog(prefix))).toEqual(openAt(outcomeOf(name), prefix[cut - 1].tsNs));
  });
});

/** Intervals by what they are and when they began. */
function openNow({ facts }: CaptureReplay): unknown {
  return {
    waits: facts.syncWaits
      .filter((w) => w.endNs === null && w.confidence === 'observed')
      .map(waitKey)
      .sort(),
    periods: facts.gracePeriods.filter((gp) => gp.endNs === null && gp.gpSeq !== null).map((gp) => gp.gpSeq),
    blocked: facts.taskStates
      .filter((s) => s.endNs === null && s.state === 'blocked')
      .map(stateKey)
      .sort(),
    runnable: facts.taskStates
      .filter((s) => s.endNs === null && s.state === 'runnable')
      .map(stateKey)
      .sort(),
  };
}

function openAt({ facts }: CaptureReplay, atNs: number): unknown {
  const open = (i: { startNs: number; endNs: number | null }): boolean =>
    i.startNs <= atNs && (i.endNs === null || i.endNs > atNs);
  return {
    waits: facts.syncWaits
      .filter((w) => open(w) && w.confidence === 'observed')
      .map(waitKey)
      .sort(),
    periods: facts.gracePeriods.filter((gp) => open(gp) && gp.gpSeq !== null).map((gp) => gp.gpSeq),
    blocked: facts.taskStates
      .filter((s) => open(s) && s.state === 'blocked')
      .map(stateKey)
      .sort(),
    runnable: facts.taskStates
      .filter((s) => open(s) && s.state === 'runnable')
      .map(stateKey)
      .sort(),
  };
}

const waitKey = (wait: { api: string; tid: number; startNs: number }): string =>
  `${wait.api} ${wait.tid} ${wait.startNs}`;
const stateKey = (state: { tid: number; startNs: number }): string => `${state.tid} ${state.startNs}`;

describe('O24 what happens elsewhere does not matter', () => {
  it.each(SAMPLES)('a busy CPU of its own changes no verdict of %s', (name) => {
    const noisy = replayLog(addNoise(logOf(name), 9));
    expect(sayings(noisy.findings)).toEqual(sayings(outcomeOf(name).findings));
  });

  it('a busy CPU of its own changes no verdict of generated kernels', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const { log } = KernelMachine.of(shape);
        fc.pre(log.some((event) => event.name === 'rcu_grace_period'));
        expect(sayings(replayLog(addNoise(log, 50), EAGER).findings)).toEqual(sayings(replayLog(log, EAGER).findings));
      }),
      { numRuns: 20 },
    );
  });
});

describe('O25 deadlocks stay until one of their edges goes', () => {
  it('and are reported however long the recording goes on without progress', () => {
    const log = logOf('srcu-deadlock');
    const last = log[log.length - 1];
    const idle = Array.from({ length: 50 }, (_, i) =>
      tracepoint('rcu_utilization', { ...last, tsNs: last.tsNs + (i + 1) * 1e9, stack: [] }, 'Start scheduler-tick'),
    );
    const [before] = ofKind(outcomeOf('srcu-deadlock'), 'deadlock');
    const [after, ...others] = ofKind(replayLog([...log, ...idle]), 'deadlock');
    expect(others).toEqual([]);
    expect(after.id).toBe(before.id);
    expect(after.waits).toEqual(before.waits);
  });

  it('and are gone when a reader leaves its section', () => {
    const log = logOf('srcu-deadlock');
    const last = log[log.length - 1];
    const [deadlock] = ofKind(outcomeOf('srcu-deadlock'), 'deadlock');
    const { tid } = deadlock.waits[0];
    // Leave every section that the task is in.
    const locks = log.filter((event) => event.name === '__srcu_read_lock' && event.tid === tid);
    const unlocks = locks.map(
      (lock, i): LoggedEvent => ({
        ...lock,
        name: '__srcu_read_unlock',
        tsNs: last.tsNs + i + 1,
        cells: ['__srcu_read_unlock', ...lock.cells.slice(1)],
      }),
    );
    expect(unlocks.length).toBeGreaterThan(0);
    expect(ofKind(replayLog([...log, ...unlocks]), 'deadlock')).toEqual([]);
  });
});

describe('O27 names and dates do not matter', () => {
  const names = { tid: (tid: number) => (tid > 0 ? tid + 3000 : tid), cpu: (cpu: number) => (cpu < 2 ? 1 - cpu : cpu) };

  it.each(SAMPLES)('other task and CPU numbers give the same verdicts with other numbers in %s', (name) => {
    const renamed = replayLog(renameLog(logOf(name), names));
    expect(sayings(renamed.findings)).toEqual(sayings(outcomeOf(name).findings, names));
  });

  it.each(SAMPLES)('other names of tasks give the same verdicts with other names in %s', (name) => {
    // Names of kernel threads say what they are.
    const kernel = /^(rcu_|kworker|ksoftirqd|migration|cpuhp|swapper|<idle>|kthreadd|kcompactd|watchdog|<\.\.\.>|$)/;
    const other = (comm: string): string => (kernel.test(comm) ? comm : `${[...comm].reverse().join('')}~`);
    const renamed = replayLog(renameComms(logOf(name), other));
    const texts = (findings: CaptureReplay['findings'], as: (comm: string) => string): string[] =>
      findings
        .flatMap((finding) => [
          ...('chain' in finding ? (finding.chain ?? []).map((link) => [finding.kind, link.name, link.blame_ns]) : []),
          ...('task' in finding ? [[finding.kind, `${finding.task}:0`, finding.end_ns]] : []),
        ])
        .map(
          ([kind, who, ns]) => `${kind} ${String(who).replace(/^(.*)(:\d+)$/, (_, comm, tid) => as(comm) + tid)} ${ns}`,
        )
        .sort();
    expect(texts(renamed.findings, (comm) => comm)).toEqual(texts(outcomeOf(name).findings, other));
    expect(texts(renamed.findings, (comm) => comm).join('\n')).toContain('~:');
  });

  it.each(SAMPLES)('another origin of time gives the same verdicts at other times in %s', (name) => {
    const ns = 987_654_321_123;
    const shifted = replayLog(shiftLog(logOf(name), ns));
    expect(sayings(shifted.findings)).toEqual(sayings(outcomeOf(name).findings, undefined, ns));
  });

  it('both hold for generated kernels', () => {
    fc.assert(
      fc.property(machineArbitrary(), fc.integer({ min: 1, max: 1e12 }), (shape, ns) => {
        const { log } = KernelMachine.of({ ...shape, cpus: Math.min(shape.cpus, 2), leafSize: 16 });
        const swapped = shape.cpus < 2 ? { ...names, cpu: (cpu: number) => cpu } : names;
        const plain = replayLog(log, EAGER).findings;
        expect(sayings(replayLog(renameLog(log, swapped), EAGER).findings)).toEqual(sayings(plain, swapped));
        expect(sayings(replayLog(shiftLog(log, ns), EAGER).findings)).toEqual(sayings(plain, undefined, ns));
      }),
      { numRuns: 30 },
    );
  });
});

describe('O28 O29 the order of what happened at the same time does not matter', () => {
  const periods = (log: EventLog): unknown =>
    replayLog(log)
      .engine.models.rcu.history.recent.filter((gp) => gp.seq !== null)
      .map((gp) => [
        gp.seq,
        gp.startNs,
        gp.endNs,
        gp.lastReportNs,
        gp.holdouts.map((holdout) => `${holdout.kind} ${holdout.cpu} ${holdout.tid} ${holdout.toNs}`).sort(),
      ]);

  it('O28 permuted ties give the same grace periods in generated kernels', () => {
    fc.assert(
      fc.property(machineArbitrary(), fc.array(fc.nat(7), { minLength: 1 }), (shape, picks) => {
        const log = coarsen(KernelMachine.of(shape).log, 1000);
        let turn = 0;
        const permuted = permuteTies(log, (n) => picks[turn++ % picks.length] % n);
        expect(periods(permuted)).toEqual(periods(log));
      }),
      { numRuns: 40 },
    );
  });

  it.each(SAMPLES)('O28 permuted ties give the same grace periods in %s', (name) => {
    let seed = 1;
    const permuted = permuteTies(logOf(name), (n) => {
      seed = (seed * 48271) % 2147483647;
      return seed % n;
    });
    expect(periods(permuted)).toEqual(periods(logOf(name)));
  });

  it('O29 the order in which the CPUs are read does not matter', () => {
    fc.assert(
      fc.property(machineArbitrary(), fc.infiniteStream(fc.nat(1000)), (shape, draws) => {
        const { log } = KernelMachine.of(shape);
        const cpus = [...new Set(log.map((event) => event.cpu))];
        const order = cpus
          .map((cpu) => ({ cpu, draw: draws.next().value as number }))
          .sort((a, b) => a.draw - b.draw)
          .map(({ cpu }) => cpu);
        expect(everything(replayLog(mergeStreams(log, order), EAGER))).toEqual(everything(replayLog(log, EAGER)));
      }),
      { numRuns: 15 },
    );
  });
});
