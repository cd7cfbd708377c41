/** MODEL 2.5, 2.6: the kernel's own stall decision, replayed, and compared with the warning that it gave. */

import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { notesText } from '../../support/notes.ts';
import {
  type CaptureReplay,
  type CaptureReplayOptions,
  ofKind,
  replayFile,
  replayText,
} from '../../support/replay-capture.ts';
import { trace } from '../../support/replay-dsl.ts';

const sample = (name: string): string => new URL(`../../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;

interface StallShape {
  readonly hz: number;
  readonly lengthS: number;
  /** CPUs that take ticks, and by how much their ticks come after those of CPU 0. */
  readonly ticking: readonly (readonly [cpu: number, phaseMs: number])[];
  /** The grace period waits for CPU 1. */
  readonly warning?: readonly [atS: number, cpu: number, how: 'SelfDetected' | 'StallDetected'];
  readonly ticksUntilS?: number;
}

/** A grace period that begins at 10 s and waits for CPU 1, which runs `hog` without a switch. */
function stallTrace({ hz, lengthS, ticking, warning, ticksUntilS = lengthS }: StallShape): string {
  const events: [ns: number, line: string][] = [
    [
      9.9e9,
      'swapper-0 [001] d..2. T: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=hog next_pid=7 next_prio=120',
    ],
    [10e9, 'rcu_preempt-14 [000] ..... T: rcu_grace_period: rcu_preempt 41 start'],
    [10e9 + 1000, 'rcu_preempt-14 [000] ..... T: rcu_grace_period_init: rcu_preempt 41 0 0 1 3'],
    [10e9 + 2e6, '<idle>-0 [000] ..s1. T: rcu_quiescent_state_report: rcu_preempt 41 1>2 0 0 1 0'],
    [10e9 + lengthS * 1e9, 'hog-7 [001] ..s1. T: rcu_quiescent_state_report: rcu_preempt 41 2>0 0 0 1 0'],
    [10e9 + lengthS * 1e9 + 1000, 'rcu_preempt-14 [000] ..... T: rcu_grace_period: rcu_preempt 41 end'],
  ];
  for (const [cpu, phaseMs] of ticking)
    for (let k = 1; (k * 1e9) / hz < ticksUntilS * 1e9; k++) {
      const task = cpu === 1 ? 'hog-7' : '<idle>-0';
      events.push([10e9 + (k * 1e9) / hz + phaseMs * 1e6, `${task} [00${cpu}] d.h1. T: local_timer_entry: vector=236`]);
      events.push([
        10e9 + (k * 1e9) / hz + phaseMs * 1e6 + 9000,
        `${task} [00${cpu}] d.h1. T: local_timer_exit: vector=236`,
      ]);
    }
  if (warning)
    events.push([
      10e9 + warning[0] * 1e9,
      `hog-7 [00${warning[1]}] d.h1. T: rcu_stall_warning: rcu_preempt ${warning[2]}`,
    ]);
  events.sort((a, b) => a[0] - b[0]);
  return trace`${events.map(([ns, line]) => line.replace(' T:', ` ${(ns / 1e9).toFixed(6)}:`)).join('\n')}`;
}

/** 12 s, and both CPUs take ticks. */
const BOTH_TICK: StallShape = {
  hz: 250,
  lengthS: 12,
  ticking: [
    [0, 1],
    [1, 2],
  ],
};

async function stall(shape: StallShape, options: CaptureReplayOptions = {}) {
  const outcome = await replayText(stallTrace(shape), options);
  return { outcome, finding: ofKind(outcome, 'rcu-stall')[0] as (Finding & { kind: 'rcu-stall' }) | undefined };
}

const EIGHT = { profile: { rcuStallTimeoutS: 3, proveRcu: true, hz: 250 } };
const noteOf = (outcome: CaptureReplay): string =>
  outcome.assessments.find((assessment) => assessment.kind === 'rcu-stall')?.note ?? '';

describe('a grace period past its deadline', () => {
  it('is noticed by the holdout, at its first tick from then on (R2.41, R2.43)', async () => {
    const { finding } = await stall(
      {
        ...BOTH_TICK,
      },
      EIGHT,
    );
    expect(finding?.decision).toMatchObject({
      verdict: 'would-warn',
      due_ns: 8e9,
      hz: 250,
      predicted: { cpu: 1, self: true, after_ns: 8.002e9 },
    });
    expect(finding?.decision?.warned).toBeUndefined();
    expect(notesText(finding)).toContain('No warning is in this capture');
  });

  it('is noticed by others two jiffies later when the holdout takes no tick (RCU_STALL_RAT_DELAY)', async () => {
    const { finding } = await stall({ hz: 250, lengthS: 12, ticking: [[0, 1]] }, EIGHT);
    expect(finding?.decision?.predicted).toEqual({ cpu: 0, self: false, after_ns: 8.009e9, or_cpus: [] });
  });

  it('is not warned about when no CPU takes a tick (R2.60)', async () => {
    const { finding } = await stall(
      {
        ...BOTH_TICK,
        ticksUntilS: 7,
      },
      EIGHT,
    );
    expect(finding?.decision?.verdict).toBe('cannot-warn');
    expect(notesText(finding)).toContain('no CPU took a tick after that, so the kernel cannot warn');
  });

  it('is warned about again after three timeouts and three jiffies (R2.43)', async () => {
    const { finding } = await stall({ hz: 250, lengthS: 40, ticking: [[1, 0]] }, EIGHT);
    expect(finding?.decision?.again_after_ns).toBe(8e9 + 24e9 + 12e6);
  });
});

describe('the warning of the kernel', () => {
  it('shows the timeout, and HZ follows from the ticks', async () => {
    const { finding } = await stall({
      ...BOTH_TICK,
      warning: [8.0021, 1, 'SelfDetected'],
    });
    expect(finding?.decision).toMatchObject({
      due_ns: 8e9,
      hz: 250,
      agreement: 'agrees',
      warned: { cpu: 1, self: true },
    });
    expect(notesText(finding)).toContain('The kernel did warn, from CPU 1 at +8.00 s (about itself');
  });

  it('agrees when a jiffy decides which CPU is first', async () => {
    const { finding } = await stall(
      {
        ...BOTH_TICK,
        warning: [8.0061, 0, 'StallDetected'],
      },
      EIGHT,
    );
    expect(finding?.decision).toMatchObject({ agreement: 'agrees', predicted: { cpu: 1, or_cpus: [0] } });
  });

  it('that comes seconds later was suppressed or reset (R2.42)', async () => {
    const { finding } = await stall(
      {
        hz: 250,
        lengthS: 14,
        ticking: [
          [0, 1],
          [1, 2],
        ],
        warning: [11.6, 1, 'SelfDetected'],
      },
      EIGHT,
    );
    expect(finding?.decision?.agreement).toBe('later');
  });

  it('that comes before the given deadline contradicts it (R2.61)', async () => {
    const { finding } = await stall(
      {
        hz: 250,
        lengthS: 14,
        ticking: [
          [0, 1],
          [1, 2],
        ],
        warning: [8.002, 1, 'SelfDetected'],
      },
      { thresholds: { rcuStallNs: 10e9 } },
    );
    expect(finding?.decision?.agreement).toBe('earlier');
  });
});

describe('grace periods that end in time', () => {
  it('are near misses past half of the timeout, and no findings (R2.63)', async () => {
    const { outcome, finding } = await stall({ hz: 1000, lengthS: 5, ticking: [[1, 0]] }, EIGHT);
    expect(finding).toBeUndefined();
    expect(noteOf(outcome)).toContain('near misses, past half of it: rcu_preempt grace period 41 5.00 s');
  });

  it('are nothing at all before', async () => {
    const { outcome } = await stall({ hz: 1000, lengthS: 3.5, ticking: [[1, 0]] }, EIGHT);
    expect(noteOf(outcome)).not.toContain('near miss');
  });
});

describe('real warnings', () => {
  it.each([
    ['nmi-storm', { cpu: 0, self: false }],
    ['preempted-reader', { cpu: 1, self: false }],
  ] as const)('were where the replayed decision says in %s', async (name, warned) => {
    const [finding] = ofKind(await replayFile(sample(name)), 'rcu-stall');
    expect(finding.decision).toMatchObject({ verdict: 'would-warn', agreement: 'agrees', warned });
  });
});
