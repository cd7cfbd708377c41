/** Clocks that count ticks: durations mean nothing until the recording proves how long a tick is. */
import { describe, expect, it } from 'vitest';
import type { ReplayResult } from '../../schema/index.ts';
import { rateOf } from '../../src/ingest/tick-rate.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { replayText } from '../../src/report/replay/replay-text.ts';
import { textCapture } from '../support/sample-store.ts';

const PLAIN = { bold: (t: string) => t, dim: (t: string) => t, severity: (_: unknown, t: string) => t };

/** A grace period of 12 s, on a clock that advances by `perSecond`. `proof` adds records that carry nanoseconds. */
function stall(perSecond: number, proof = false): string {
  const at = (s: number): string => String(Math.round(s * perSecond)).padStart(12);
  const timer = (s: number): string =>
    `          <idle>-0       [000] d.h.. ${at(s)}: hrtimer_expire_entry: hrtimer=00000000db4c2638 function=tick_nohz_handler now=${Math.round(s * 1e9)}`;
  return [
    '# tracer: nop',
    ...(proof ? [timer(99), timer(99.5)] : []),
    `     rcu_preempt-16      [000] ..... ${at(100)}: rcu_grace_period: rcu_preempt 1001 start`,
    `     rcu_preempt-16      [000] ..... ${at(100.1)}: rcu_grace_period_init: rcu_preempt 1001 0 0 1 2`,
    `             hog-7       [001] ..... ${at(101)}: sched_waking: comm=sh pid=8 prio=120 target_cpu=000`,
    ...(proof ? [timer(103), timer(108)] : []),
    `     rcu_preempt-16      [000] ..... ${at(112)}: rcu_grace_period: rcu_preempt 1001 end`,
    '',
  ].join('\n');
}

async function replayed(text: string, log?: string): Promise<{ result: ReplayResult; text: string }> {
  const inputs = [textCapture('trace.txt', text), ...(log === undefined ? [] : [textCapture('dmesg.txt', log)])];
  const result = await replayCaptures(inputs, { profile: { rcuStallTimeoutS: 3, proveRcu: false } });
  return { result, text: replayText(result, { style: PLAIN }) };
}

const status = ({ assessments }: ReplayResult, kind: string): string | undefined =>
  assessments.find((assessment) => assessment.kind === kind)?.status;

describe('ticks of unknown length', () => {
  it('decide nothing that depends on durations, and are printed as ticks', async () => {
    const { result, text } = await replayed(stall(17.3));
    expect(result.findings).toEqual([]);
    for (const kind of ['rcu-stall', 'blocked-sync', 'hung-task', 'nmi-storm', 'irq-storm', 'gp-kthread-starved'])
      expect(status(result, kind), kind).toBe('not-assessed');
    expect(result.run.kernel.timeUnit).toBe('ticks');
    expect(text).toContain('208 ticks from tick 1730');
    expect(text).not.toMatch(/\d (ns|µs|ms|s)\b/);
    expect(result.import.issues.map(({ kind }) => kind)).toContain('clock-ticks');
  });

  it('decide orders all the same', async () => {
    const held = (tid: number, t: number, name: string, how = 'acquire'): string =>
      `            task-${tid}       [000] ..... ${String(t).padStart(12)}: lock_${how}: 00000000000000${name}${name} ${name}`;
    const { result } = await replayed(
      [
        '# tracer: nop',
        ...[held(1, 1, 'a'), held(1, 2, 'b'), held(1, 3, 'b', 'release'), held(1, 4, 'a', 'release')],
        ...[held(2, 5, 'b'), held(2, 6, 'a'), held(2, 7, 'a', 'release'), held(2, 8, 'b', 'release')],
        '',
      ].join('\n'),
    );
    expect(result.findings.map(({ kind }) => kind)).toContain('lock-inversion');
  });
});

describe('a rate that the recording proves', () => {
  it('is that of records with the time of another clock: the stall is found, and the rate is told', async () => {
    const { result, text } = await replayed(stall(2.6e9, true));
    expect(result.run.captures[0].ns_per_tick).toBeCloseTo(1 / 2.6, 6);
    const [found] = result.findings.filter(({ kind }) => kind === 'rcu-stall');
    expect((found.end_ns - found.start_ns) / 1e9).toBeCloseTo(12, 3);
    expect(text).toContain('a tick of its clock is 0.385 ns: hrtimer_expire_entry carries');
    expect(result.run.kernel.timeUnit).toBeUndefined();
  });

  it('is that of jiffies, cut at both ends', async () => {
    const { result } = await replayed(stall(100, true));
    expect(result.run.captures[0].ns_per_tick).toBe(1e7);
    expect(result.findings.map(({ kind }) => kind)).toContain('rcu-stall');
  });

  it('comes from lines that are in the log, too, which is then aligned', async () => {
    const lines = [100, 104, 108].map((s) => [s, `lab: step ${s} of the experiment`] as const);
    const printed = lines.map(([s, line]) => `             lab-9       [001] ..... ${s * 250}: console: ${line}`);
    const log = `${lines.map(([s, line]) => `[${(s - 2).toFixed(6).padStart(12)}] ${line}`).join('\n')}\n`;
    const text = stall(250).split('\n');
    text.splice(2, 0, ...printed);
    const { result } = await replayed(
      text
        .filter((line) => line !== '')
        .sort((a, b) => Number(/ (\d+): /.exec(a)?.[1] ?? 0) - Number(/ (\d+): /.exec(b)?.[1] ?? 0))
        .join('\n'),
      log,
    );
    expect(result.run.captures[0].ns_per_tick).toBe(4e6);
    expect(result.run.captures[1].offset_ns).toBe(2e9);
    expect(result.findings.map(({ kind }) => kind)).toContain('rcu-stall');
  });

  it('is none where the instants do not lie on a line, or the rate is that of no clock', () => {
    const bent = [0, 1, 2, 30].map((ticks, i) => ({ ticks, ns: i * 1e9 }));
    expect(rateOf(bent, '')).toBeUndefined();
    const events = [0, 1, 2, 3].map((i) => ({ ticks: i * 700_000, ns: i * 1e9 }));
    expect(rateOf(events, '')).toBeUndefined();
    expect(rateOf([], '')).toBeUndefined();
  });
});
