import { beforeAll, describe, expect, it } from 'vitest';
import { notesText } from '../../support/notes.ts';
import { type CaptureReplay, ofKind, replayFile } from '../../support/replay-capture.ts';

const sample = (name: string): string => new URL(`../../../samples/${name}`, import.meta.url).pathname;

describe('an NMI storm on CPU 1 (samples/nmi-storm)', () => {
  let storm: CaptureReplay;
  beforeAll(async () => {
    storm = await replayFile(sample('nmi-storm.trace.txt.zst'));
  });

  it('stalls the grace period that waits for CPU 1, and no other', () => {
    const stalls = ofKind(storm, 'rcu-stall');
    expect(stalls).toHaveLength(1);
    expect(stalls[0]).toMatchObject({
      flavor: 'rcu_preempt',
      gp_seq: '521',
      cpus: [1],
      tasks: [],
      cause: 'nmi-storm',
      severity: 'error',
    });
  });

  it('takes the threshold from the warning that the kernel gave (P0.1)', () => {
    expect(notesText(ofKind(storm, 'rcu-stall')[0])).toMatch(/threshold 8\.00 s \(the kernel warned at \+7\.99 s\)/);
  });

  it('takes 99.7 % of the CPU (E1.5, T39)', () => {
    const [finding, ...others] = ofKind(storm, 'nmi-storm');
    expect(others).toEqual([]);
    expect(finding.cpu).toBe(1);
    expect(finding.share).toBeCloseTo(0.997, 2);
    expect(finding.count).toBe(2435);
  });

  it('blocks the closing task over every link of case C', () => {
    const close = ofKind(storm, 'blocked-sync').find((finding) => finding.task === 'perf close-1');
    expect(close?.root).toMatchObject({ kind: 'nmi-storm', cpu: 1 });
    expect(close?.chain.map((link) => link.kind)).toEqual([
      'task',
      'srcu-gp',
      'worker',
      'rcu-gp',
      'cpu',
      'nmi',
      'hardirq',
      'softirq',
    ]);
    expect(close?.title).toContain('closing a perf event');
    expect(close?.domain).toContain('tracepoint_srcu');
  });

  it('shows the two kworkers as runs of two srcu_structs (S3.21, T11)', () => {
    const workers = ofKind(storm, 'blocked-sync').flatMap((finding) =>
      finding.chain.filter((link) => link.kind === 'worker').map((link) => link.name),
    );
    expect(new Set(workers)).toEqual(new Set(['kworker/0:1:9', 'kworker/0:2:36']));
  });

  it('draws what each CPU did meanwhile', () => {
    const [, cpu1] = ofKind(storm, 'rcu-stall')[0].timeline?.cpus ?? [];
    expect(cpu1.cells).toMatch(/^N{60,}/);
  });
});

describe('exclusive blame (W4.40, O21)', () => {
  const samples = ['nmi-storm.trace.txt.zst', 'preempted-reader.trace.txt.zst', 'srcu-deadlock.trace.txt.zst'];
  it.each(samples)('sums to the blocked time in %s', async (name) => {
    const outcome = await replayFile(sample(name));
    const findings = ofKind(outcome, 'blocked-sync');
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) {
      const sum = finding.chain.reduce((total, link) => total + link.blame_ns, 0);
      expect(Math.abs(sum - finding.blocked_ns), finding.title).toBeLessThanOrEqual(1);
      for (const link of finding.chain) expect(link.blame_ns).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('a preempted reader', () => {
  it('is named as the holdout, with who preempts it (R2.7, READER_RUNNABLE)', async () => {
    const outcome = await replayFile(sample('preempted-reader.trace.txt.zst'));
    const [stall] = ofKind(outcome, 'rcu-stall');
    expect(stall).toMatchObject({ cpus: [], tasks: ['lab_rcuread:83'], cause: 'reader-preempted' });
    expect(notesText(stall)).toContain('preempted by lab_fifo:84');
    expect(ofKind(outcome, 'nmi-storm')).toEqual([]);
  });
});

describe('crossed SRCU readers', () => {
  it('are a deadlock of two tasks (S3.23, W4.31)', async () => {
    const outcome = await replayFile(sample('srcu-deadlock.trace.txt.zst'));
    const [deadlock, ...others] = ofKind(outcome, 'deadlock');
    expect(others).toEqual([]);
    expect(deadlock.waits.map((wait) => wait.task).sort()).toEqual(['lab_rdA', 'lab_rdB']);
    expect(ofKind(outcome, 'rcu-stall')).toEqual([]);
    for (const finding of ofKind(outcome, 'blocked-sync')) expect(finding.root.kind).toBe('deadlock');
  });
});

describe('quiet captures stay quiet', () => {
  it.each(['healthy.trace.txt.zst', 'lock-cycle-fixed.trace.txt.zst'])(
    '%s has no finding of severity error',
    async (name) => {
      const outcome = await replayFile(sample(name));
      expect(outcome.findings.filter((finding) => finding.severity === 'error')).toEqual([]);
    },
  );
});

/** What is still concluded when the recording had fewer events; docs/RECORDING.md shows this table. */
describe('the same verdict from less', () => {
  const probes = /^(__)?(synchronize|process_srcu|try_check_zero|srcu_|call_srcu|__srcu)/;
  const without = (pattern: RegExp) =>
    replayFile(sample('nmi-storm.trace.txt.zst'), { keep: (name) => !pattern.test(name) });
  const close = (outcome: CaptureReplay) =>
    ofKind(outcome, 'blocked-sync').find((finding) => finding.task === 'perf close-1' && finding.blocked_ns > 5e9);

  it('without kprobes: the same root, from stacks, therefore inferred (S3.60)', async () => {
    const outcome = await without(probes);
    expect(close(outcome)).toMatchObject({ confidence: 'inferred', root: { kind: 'nmi-storm', cpu: 1 } });
    expect(close(outcome)?.domain).toBe('tracepoint_srcu');
  });

  it('without stacks: the same root, but not what the task was doing', async () => {
    const outcome = await without(/^kernel_stack$/);
    expect(close(outcome)?.root).toMatchObject({ kind: 'nmi-storm', cpu: 1 });
    expect(close(outcome)?.title).not.toContain('closing a perf event');
  });

  it('without workqueue events: the same root, the run known from its probe', async () => {
    const outcome = await without(/^workqueue_/);
    expect(close(outcome)?.root).toMatchObject({ kind: 'nmi-storm', cpu: 1 });
    expect(close(outcome)?.chain.some((link) => link.kind === 'worker' && link.name === 'kworker/0:1:9')).toBe(true);
  });

  it('without rcu events: the same root through an inferred grace period (E1.0)', async () => {
    const outcome = await without(/^rcu_/);
    expect(close(outcome)?.root).toMatchObject({ kind: 'nmi-storm', cpu: 1 });
    expect(outcome.assessments.find((assessment) => assessment.kind === 'rcu-stall')).toMatchObject({
      status: 'not-assessed',
    });
  });

  it('without NMI events: the CPU, and that its reason cannot be told (T63)', async () => {
    const outcome = await without(/^nmi_handler$/);
    expect(ofKind(outcome, 'rcu-stall')[0]).toMatchObject({ cpus: [1], cause: 'unknown' });
    expect(notesText(ofKind(outcome, 'rcu-stall')[0])).toContain('record nmi:nmi_handler to tell which');
    expect(outcome.assessments.find((assessment) => assessment.kind === 'nmi-storm')).toMatchObject({
      status: 'not-assessed',
      missing: ['nmi:nmi_handler'],
    });
  });

  it('a preempted reader without rcu events: known by its unlock, which wakes the grace-period kthread (R2.10)', async () => {
    const readers = await replayFile(sample('preempted-reader.trace.txt.zst'), {
      keep: (name) => !/^rcu_(preempt|unlock_preempted)_task$/.test(name),
    });
    expect(ofKind(readers, 'rcu-stall')).toMatchObject([
      { tasks: ['lab_rcuread:83'], cpus: [], cause: 'reader-preempted', confidence: 'inferred' },
    ]);
    const outcome = await replayFile(sample('preempted-reader.trace.txt.zst'), { keep: (name) => !/^rcu_/.test(name) });
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked).toMatchObject({
      confidence: 'inferred',
      root: { kind: 'reader-preempted', cpu: 1, task: 'lab_rcuread', tid: 83 },
    });
    expect(blocked.chain.find((link) => link.kind === 'reader')?.note).toMatch(
      /preempted by lab_fifo:84, at real-time priority 50; it woke the grace-period kthread as the last one to leave/,
    );
  });

  it('with context switches and stacks only: the CPU, inferred', async () => {
    const outcome = await without(/^(?!sched_|kernel_stack)/);
    expect(close(outcome)).toMatchObject({ confidence: 'inferred', root: { cpu: 1 } });
  });
});
