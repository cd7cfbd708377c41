/**
 * Verdicts from less: a recording that lost part of its events, or of which only a part is left, says the same, or less and says so.
 * It never names another culprit, never invents a deadlock or a starved kthread, and never crashes.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import type { Root, RootKind } from '../../schema/index.ts';
import { type EventLog, type LoggedEvent, readLog, replayLog } from '../support/event-log.ts';
import { notesText } from '../support/notes.ts';
import { type CaptureReplay, ofKind } from '../support/replay-capture.ts';

const at = (path: string): string => new URL(`../../${path}.trace.txt.zst`, import.meta.url).pathname;

interface Case {
  readonly path: string;
  /** What the scenario was built to do. */
  readonly root: Partial<Root> & { readonly kind: RootKind };
  readonly deadlock: boolean;
  /** A cause of the RCU stall; undefined where there is none. */
  readonly cause: RootKind | undefined;
}

const CASES: Readonly<Record<string, Case>> = {
  'nmi-storm': { path: 'samples/nmi-storm', root: { kind: 'nmi-storm', cpu: 1 }, deadlock: false, cause: 'nmi-storm' },
  'preempted-reader': {
    path: 'samples/preempted-reader',
    root: { kind: 'reader-preempted', tid: 83 },
    deadlock: false,
    cause: 'reader-preempted',
  },
  'rcu-reader-loop': {
    path: 'test/fixtures/replay/rcu-reader-loop',
    root: { kind: 'reader-running', tid: 81 },
    deadlock: false,
    cause: 'reader-running',
  },
  'srcu-chain': {
    path: 'test/fixtures/replay/srcu-chain',
    root: { kind: 'srcu-reader', tid: 82 },
    deadlock: false,
    cause: undefined,
  },
  'srcu-deadlock': { path: 'samples/srcu-deadlock', root: { kind: 'deadlock' }, deadlock: true, cause: undefined },
};
const NAMES = Object.keys(CASES);
const logs = new Map<string, EventLog>();

beforeAll(async () => {
  for (const [name, { path }] of Object.entries(CASES)) logs.set(name, await readLog(at(path)));
});

const without =
  (pattern: RegExp) =>
  (log: EventLog): EventLog =>
    log.filter((event) => !pattern.test(event.name));
const noStack = (event: LoggedEvent): LoggedEvent => ({ ...event, stack: [] });
const PROBES = /^(__)?(synchronize|process_srcu|try_check_zero|srcu_|call_srcu)/;
const inTime =
  (from: number, to: number) =>
  (log: EventLog): EventLog => {
    const firstNs = log[0].tsNs;
    const lengthNs = log[log.length - 1].tsNs - firstNs;
    return log.filter(({ tsNs }) => tsNs >= firstNs + from * lengthNs && tsNs <= firstNs + to * lengthNs);
  };

const WEAKER: Readonly<Record<string, (log: EventLog) => EventLog>> = {
  'no rcu:*': without(/^rcu_/),
  'no kprobes': without(PROBES),
  'no probes on readers': without(/srcu_read/),
  'no stacks': (log) => without(/^kernel_stack$/)(log).map(noStack),
  'no workqueue:*': without(/^workqueue_/),
  'no nmi:*': without(/^nmi_/),
  'no sched_switch': without(/^sched_switch$/),
  'no wakeups': without(/^sched_wak/),
  'no masks and reports': without(/^rcu_(grace_period_init|quiescent_state_report)$/),
  'no preempted readers': without(/^rcu_(preempt|unlock_preempted)_task$/),
  'rcu:* only': (log) => log.filter(({ name }) => name.startsWith('rcu_')),
  'sched:* and stacks only': (log) => log.filter(({ name }) => /^(sched_|kernel_stack)/.test(name)),
  'sched:* only': (log) => log.filter(({ name }) => name.startsWith('sched_')).map(noStack),
  'no context flags': (log) => log.map((event) => ({ ...event, flags: 0 })),
  'CPU 0 not recorded': (log) => log.filter(({ cpu }) => cpu !== 0),
  'CPU 1 not recorded': (log) => log.filter(({ cpu }) => cpu !== 1),
  'the second half': inTime(0.5, 1),
  'the first two thirds': inTime(0, 0.66),
};

/** Nothing may be said that the whole recording contradicts. */
function expectNothingWrong(outcome: CaptureReplay, truth: Case): void {
  for (const kind of ['blocked-sync', 'hung-task'] as const)
    for (const { root, title, confidence } of ofKind(outcome, kind)) {
      if (!root || root.kind === 'unknown') continue;
      // Repeated scans show that there is a reader, not who (S3.60 ii).
      if (root.kind === 'srcu-reader' && root.tid === undefined && /^(srcu-reader|deadlock)$/.test(truth.root.kind)) {
        if (kind === 'blocked-sync') expect(confidence, title).toBe('inferred');
        continue;
      }
      expect(root, title).toMatchObject(truth.root);
    }
  for (const stall of ofKind(outcome, 'rcu-stall'))
    expect([truth.cause, 'unknown'], stall.title).toContain(stall.cause);
  if (!truth.deadlock) expect(ofKind(outcome, 'deadlock')).toEqual([]);
  expect(ofKind(outcome, 'gp-kthread-starved')).toEqual([]);
  expect(ofKind(outcome, 'workqueue-stall')).toEqual([]);
  if (truth.root.kind !== 'nmi-storm') expect(ofKind(outcome, 'nmi-storm')).toEqual([]);
  for (const finding of [...ofKind(outcome, 'blocked-sync'), ...ofKind(outcome, 'hung-task')]) {
    const sum = finding.chain.reduce((total, link) => total + link.blame_ns, 0);
    if (finding.chain.length > 0) expect(Math.abs(sum - finding.blocked_ns), finding.title).toBeLessThanOrEqual(1);
  }
}

describe.each(NAMES)('of %s', (name) => {
  it('the whole recording tells the root', () => {
    const outcome = replayLog(logs.get(name) as EventLog, { thresholds: { hungTaskNs: 5e9 } });
    expectNothingWrong(outcome, CASES[name]);
    const blocked = ofKind(outcome, 'blocked-sync');
    expect(blocked.length).toBeGreaterThan(0);
    for (const finding of blocked) expect(finding.root.kind, finding.title).toBe(CASES[name].root.kind);
  });

  it.each(Object.keys(WEAKER))('%s: nothing wrong is said', (how) => {
    const log = WEAKER[how](logs.get(name) as EventLog);
    expectNothingWrong(replayLog(log, { thresholds: { hungTaskNs: 5e9 } }), CASES[name]);
  });
});

describe('the table of docs/RECORDING.md', () => {
  const STORM = { kind: 'nmi-storm', cpu: 1 };
  const CPU1 = { kind: 'unknown', cpu: 1 };
  const rows: [how: string, root: object | undefined, confidence: string][] = [
    ['no rcu:*', STORM, 'inferred'],
    ['no masks and reports', STORM, 'inferred'],
    ['no kprobes', STORM, 'inferred'],
    ['no stacks', STORM, 'observed'],
    ['no workqueue:*', STORM, 'observed'],
    ['no nmi:*', CPU1, 'observed'],
    ['no sched_switch', STORM, 'observed'],
    ['sched:* and stacks only', CPU1, 'inferred'],
    ['CPU 1 not recorded', CPU1, 'observed'],
    ['sched:* only', undefined, ''],
    ['rcu:* only', undefined, ''],
    ['CPU 0 not recorded', undefined, ''],
  ];
  it.each(rows)('%s', (how, root, confidence) => {
    const outcome = replayLog(WEAKER[how](logs.get('nmi-storm') as EventLog), { thresholds: { hungTaskNs: 5e9 } });
    const close = ofKind(outcome, 'blocked-sync').find((finding) => finding.tid === 84);
    expect(close && { root: close.root, confidence: close.confidence }).toEqual(root && { root, confidence });
    expect(ofKind(outcome, 'hung-task').length === 7).toBe(!/^no sched_switch|^rcu|CPU 0/.test(how));
  });
});

describe('a healthy run', () => {
  it.each(Object.keys(WEAKER))('stays one: %s', async (how) => {
    if (!logs.has('healthy')) logs.set('healthy', await readLog(at('samples/healthy')));
    const log = WEAKER[how](logs.get('healthy') as EventLog);
    const { findings } = replayLog(log, { thresholds: { hungTaskNs: 5e9 } });
    expect(findings.filter(({ severity }) => severity === 'error').map(({ title }) => title)).toEqual([]);
    for (const kind of ['deadlock', 'rcu-stall', 'gp-kthread-starved', 'workqueue-stall', 'nmi-storm'] as const)
      expect(ofKind(replayLog(log), kind)).toEqual([]);
  });
});

describe('what is inferred is said to be', () => {
  const outcome = (name: string, how: string): CaptureReplay => replayLog(WEAKER[how](logs.get(name) as EventLog));

  it('without rcu events the grace period and its holdout are (E1.0, R2.6)', () => {
    const blocked = ofKind(outcome('nmi-storm', 'no rcu:*'), 'blocked-sync');
    expect(blocked.length).toBeGreaterThan(0);
    for (const finding of blocked) {
      expect(finding).toMatchObject({ confidence: 'inferred', root: { kind: 'nmi-storm', cpu: 1 } });
      expect(notesText(finding)).toContain('no rcu:* events');
    }
  });

  it('without masks and reports the holdout is the CPU that did not switch context (R2.6)', () => {
    const [stall] = ofKind(outcome('nmi-storm', 'no masks and reports'), 'rcu-stall');
    expect(stall).toMatchObject({ confidence: 'inferred', cpus: [1], cause: 'nmi-storm' });
    expect(notesText(stall)).toContain('rcu_grace_period_init');
  });

  it('without the scheduler a reader holds the grace period up, for a reason that is not recorded', () => {
    const [blocked] = ofKind(outcome('rcu-reader-loop', 'rcu:* only'), 'blocked-sync');
    expect(blocked.root).toMatchObject({ kind: 'unknown', tid: 81 });
    expect(blocked.title).toContain('reader <...>:81 holds it up');
  });

  it('without events of preempted readers the last one shows by its unlock (R2.10)', () => {
    const [stall] = ofKind(outcome('preempted-reader', 'no preempted readers'), 'rcu-stall');
    expect(stall).toMatchObject({
      cpus: [],
      tasks: ['lab_rcuread:83'],
      cause: 'reader-preempted',
      confidence: 'inferred',
    });
    expect(notesText(stall)).toContain('rcu_preempt_task');
  });

  it('a sleep may have ended on a CPU that was not recorded (E0.4)', () => {
    const hung = ofKind(outcome('srcu-chain', 'CPU 0 not recorded'), 'hung-task');
    for (const finding of hung) if (finding.title.includes('still does')) expect(finding.confidence).toBe('inferred');
  });
});
