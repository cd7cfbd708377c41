/** MODEL §9 O20–O22: times of CPUs and tasks are exclusive and complete, blame sums to the blocked time, samples count intervals. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { HistogramSet } from '../../../src/histogram/histogram-set.ts';
import { OCC_NMI, OCC_UNKNOWN } from '../../../src/replay/model/cpu/cpu.ts';
import { type EventLog, readLog, replayLog, tracepoint } from '../../support/event-log.ts';
import type { CaptureReplay } from '../../support/replay-capture.ts';
import { KernelMachine, machineArbitrary } from '../kernel-machine.ts';

const SAMPLES = ['nmi-storm', 'healthy', 'preempted-reader', 'srcu-deadlock'];
const sample = (name: string): string => new URL(`../../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;
const logs = new Map<string, EventLog>();
const outcomes = new Map<string, CaptureReplay>();

beforeAll(async () => {
  for (const name of SAMPLES) {
    const log = await readLog(sample(name));
    logs.set(name, log);
    outcomes.set(name, replayLog(log));
  }
});

/** Asks for verdicts about waits of a millisecond. */
const EAGER = { blockedSyncNs: 1e6, hungTaskNs: 1e6, nmiStormWindowNs: 1e8 };

describe('O20', () => {
  it.each(SAMPLES)('the times of each CPU sum to its observed span in %s', (name) => {
    expectCpuTimesComplete(logs.get(name) as EventLog, outcomes.get(name) as CaptureReplay);
  });

  it('the times of each generated CPU sum to its span, with the NMI time that happened', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        const machine = KernelMachine.of(shape);
        const outcome = replayLog(machine.log);
        expectCpuTimesComplete(machine.log, outcome);
        for (const cpu of outcome.engine.models.cpu.all()) expect(cpu.occupancy[OCC_NMI]).toBe(machine.nmiNs[cpu.cpu]);
      }),
      { numRuns: 30 },
    );
  });

  it('the share of a CPU that NMIs took is what a count of the handlers gives', () => {
    const log = logs.get('nmi-storm') as EventLog;
    const handlers = log.filter(({ name, cpu }) => name === 'nmi_handler' && cpu === 1);
    const delta = handlers[0].fields.findIndex(({ name }) => name === 'delta_ns');
    // Several handlers serve one NMI: each runs for itself.
    const ranNs = handlers.reduce((sum, { cells }) => sum + (cells[delta] as number), 0);
    const spentNs = outcomes.get('nmi-storm')?.engine.models.cpu.get(1).occupancy[OCC_NMI] ?? 0;
    expect(ranNs).toBeGreaterThan(13e9);
    // Text has microseconds: a handler may reach back beyond the record before it.
    expect(Math.abs(spentNs - ranNs) / ranNs).toBeLessThan(0.01);
  });

  it('any part of the recording has the same accounts, and the parts sum to the whole', () => {
    for (const name of SAMPLES) {
      const { history } = (outcomes.get(name) as CaptureReplay).engine.models.cpu;
      const log = logs.get(name) as EventLog;
      const [first, last] = [log[0].tsNs, log[log.length - 1].tsNs];
      for (const cpu of [0, 1]) {
        const whole = history.between(cpu, first, last).reduce((sum, ns) => sum + ns, 0);
        const cut = first + (last - first) * 0.37;
        const parts = [history.between(cpu, first, cut), history.between(cpu, cut, last)].flatMap((part) => [...part]);
        expect(parts.reduce((sum, ns) => sum + ns, 0) / whole).toBeCloseTo(1, 1);
      }
    }
  });

  it('a gap of lost events is time of its own', () => {
    const log = new KernelMachine(2).run([
      ['switch', 1, 0, 1000],
      ['tick', 1, 0, 1000],
    ]).log;
    const from = log[log.length - 1].tsNs;
    const lost = tracepoint('quiesce_lost', { tsNs: from + 5e6, cpu: 1, tid: 0, comm: '' }, 1, 10);
    const after = tracepoint(
      'rcu_utilization',
      { tsNs: from + 7e6, cpu: 1, tid: 101, comm: 'user-0' },
      'Start RCU core',
    );
    const outcome = replayLog([...log, lost, after]);
    expect(outcome.engine.models.cpu.get(1).occupancy[OCC_UNKNOWN]).toBe(7e6);
  });

  it.each(SAMPLES)('the states of each task follow each other without holes in %s', (name) => {
    expectTaskStatesComplete(outcomes.get(name) as CaptureReplay);
  });

  it('the states of each generated task follow each other without holes', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => expectTaskStatesComplete(replayLog(KernelMachine.of(shape).log))),
      { numRuns: 20 },
    );
  });
});

describe('O21', () => {
  it.each(SAMPLES)('exclusive blame sums to the blocked time in %s', (name) => {
    expect(expectBlameSums(replayLog(logs.get(name) as EventLog, { thresholds: EAGER }))).toBeGreaterThan(2);
  });

  it('exclusive blame of generated waits sums to the blocked time', () => {
    let findings = 0;
    fc.assert(
      fc.property(machineArbitrary(), (shape) => {
        findings += expectBlameSums(replayLog(KernelMachine.of(shape).log, { thresholds: EAGER }));
      }),
      { numRuns: 40 },
    );
    expect(findings).toBeGreaterThan(0);
  });
});

describe('O22', () => {
  it.each(SAMPLES)('there is one sample per completed interval, open ones apart, in %s', (name) => {
    expectSamplesComplete(outcomes.get(name) as CaptureReplay);
  });

  it('there is one sample per completed interval of generated kernels', () => {
    fc.assert(
      fc.property(machineArbitrary(), (shape) => expectSamplesComplete(replayLog(KernelMachine.of(shape).log))),
      { numRuns: 20 },
    );
  });
});

function expectCpuTimesComplete(log: EventLog, outcome: CaptureReplay): void {
  const firstNs = new Map<number, number>();
  for (const event of log) if (!firstNs.has(event.cpu)) firstNs.set(event.cpu, event.tsNs);
  for (const cpu of outcome.engine.models.cpu.all()) {
    const spent = cpu.occupancy.reduce((sum, ns) => sum + ns, 0);
    expect(spent).toBe(outcome.lastNs - (firstNs.get(cpu.cpu) as number));
    for (const ns of cpu.occupancy) expect(ns).toBeGreaterThanOrEqual(0);
  }
}

function expectTaskStatesComplete(outcome: CaptureReplay): void {
  const last = new Map<number, number | null>();
  for (const state of outcome.facts.taskStates) {
    const before = last.get(state.tid);
    expect(before, 'nothing follows an open state').not.toBeNull();
    // States follow each other without a hole, unless the pid is that of another task by now (T26).
    if (before !== undefined && !diedAt(outcome, state.tid, before as number)) expect(state.startNs).toBe(before);
    expect(state.endNs ?? outcome.lastNs).toBeGreaterThanOrEqual(state.startNs);
    last.set(state.tid, state.endNs);
  }
  for (const task of outcome.engine.models.tasks.all()) {
    if (task.tid <= 0) continue;
    const states = outcome.facts.taskStates.filter((state) => state.tid === task.tid);
    const facts = states.reduce((sum, state) => sum + (state.endNs ?? outcome.lastNs) - state.startNs, 0);
    // A pid that was used before is another task: the facts of both have the same tid (T26).
    expect(task.times.reduce((sum, ns) => sum + ns, 0)).toBeLessThanOrEqual(facts);
  }
}

/** The task died on its CPU at that time: what follows is another one with its number. */
function diedAt(outcome: CaptureReplay, tid: number, ns: number): boolean {
  return outcome.facts.taskStates.some((state) => state.tid === tid && state.endNs === ns && state.state === 'running');
}

function expectBlameSums(outcome: CaptureReplay): number {
  let checked = 0;
  for (const finding of outcome.findings) {
    if (!('chain' in finding) || !finding.chain || finding.chain.length === 0) continue;
    const { chain } = finding;
    const ns = 'blocked_ns' in finding ? (finding.blocked_ns as number) : finding.end_ns - finding.start_ns;
    const sum = chain.reduce((total, link) => total + link.blame_ns, 0);
    expect(Math.abs(sum - ns), finding.title).toBeLessThanOrEqual(1);
    // Inclusive time of a link: its own, and that of all links below it, which are later in the list.
    const inclusive = chain.map((link) => link.blame_ns);
    for (let i = chain.length - 1; i > 0; i--) {
      const { parent, blame_ns } = chain[i];
      expect(blame_ns).toBeGreaterThanOrEqual(0);
      expect(parent, finding.title).toBeLessThan(i);
      inclusive[parent as number] += inclusive[i];
    }
    expect(inclusive[0]).toBe(sum);
    if (finding.kind === 'blocked-sync') {
      const phases = finding.phases?.reduce((total, phase) => total + phase.ns, 0);
      if (phases !== undefined) expect(phases).toBe(finding.blocked_ns);
    }
    checked++;
  }
  return checked;
}

function expectSamplesComplete({ facts }: CaptureReplay): void {
  const counted = (metric: string): number => facts.samples.filter(([name]) => name === metric).length;
  const open = (metric: string): number => facts.openSamples.filter(([name]) => name === metric).length;
  const count = <T>(rows: readonly T[], test: (row: T) => boolean): number => rows.filter(test).length;
  const expected: [metric: string, closed: number, open: number][] = [
    ...(['nmi', 'hardirq', 'softirq'] as const).map((kind): [string, number, number] => [
      kind,
      count(facts.contextSpans, (span) => span.kind === kind),
      0,
    ]),
    [
      'rcu-gp',
      count(
        facts.gracePeriods,
        (gp) => gp.endNs !== null && gp.gpSeq !== null && !gp.expedited && /^rcu_/.test(gp.flavor),
      ),
      count(facts.gracePeriods, (gp) => gp.endNs === null && !gp.expedited && /^rcu_/.test(gp.flavor)),
    ],
    ...(['synchronize-rcu', 'synchronize-srcu'] as const).map((metric): [string, number, number] => {
      const api = metric === 'synchronize-rcu' ? /^synchronize_rcu/ : /^synchronize_srcu/;
      return [
        metric,
        count(facts.syncWaits, (wait) => api.test(wait.api) && wait.endNs !== null),
        count(facts.syncWaits, (wait) => api.test(wait.api) && wait.endNs === null),
      ];
    }),
    [
      'workqueue-run',
      count(facts.workItems, (item) => item.startNs !== null && item.endNs !== null),
      count(facts.workItems, (item) => item.startNs !== null && item.endNs === null),
    ],
    [
      'workqueue-queue',
      count(facts.workItems, (item) => item.startNs !== null && item.queuedNs !== null),
      count(facts.workItems, (item) => item.startNs === null),
    ],
    [
      'blocked',
      count(facts.taskStates, (state) => state.state === 'blocked' && state.endNs !== null),
      count(facts.taskStates, (state) => state.state === 'blocked' && state.endNs === null),
    ],
  ];
  for (const [metric, closed, stillOpen] of expected) {
    expect([metric, counted(metric), open(metric)]).toEqual([metric, closed, stillOpen]);
  }
  const histograms = new HistogramSet();
  for (const [metric, by, ns] of facts.samples) histograms.add(metric, by, ns);
  for (const [metric, labels] of histograms.metrics) {
    let total = 0;
    for (const histogram of labels.values()) total += histogram.count;
    expect(total).toBe(counted(metric));
  }
}
