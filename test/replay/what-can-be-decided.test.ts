/** Assessments: what this very recording could have shown, given its length, its stacks and its log. */
import { describe, expect, it } from 'vitest';
import type { Assessment, FindingKind } from '../../schema/index.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { type CaptureReplay, replayFile, replayText } from '../support/replay-capture.ts';
import { to, trace } from '../support/replay-dsl.ts';
import { textCapture } from '../support/sample-store.ts';

const of = ({ assessments }: { assessments: readonly Assessment[] }, kind: FindingKind): Assessment =>
  assessments.find((assessment) => assessment.kind === kind) as Assessment;

const sleeper = (seconds: number, frame: string): Promise<CaptureReplay> =>
  replayText(trace`
    a-7 [000] d..2. 1.000: ${to('a:7', 'D', 'swapper/0:0')}
    a-7 [000] d..2. 1.000: kernel_stack: <stack trace >
    => ${frame}
    <idle>-0 [000] d..2. 1.100: ${to('swapper/0:0', 'R', 'b:8')}
    b-8 [000] ..... ${(1 + seconds).toFixed(3)}: sched_waking: comm=a pid=7 prio=120 target_cpu=000`);

describe('a recording that is shorter than the threshold', () => {
  it('shows no hung task, whatever it holds', async () => {
    const short = of(await sleeper(0.165, 'msleep'), 'hung-task');
    expect(short).toMatchObject({ status: 'not-assessed', missing: [] });
    expect(short.note).toBe('the recording lasts 165 ms, the threshold is 120 s');
    expect(of(await sleeper(130, 'msleep'), 'hung-task').status).toBe('assessed');
  });

  it('tells of its near misses only', async () => {
    const { status, note } = of(await sleeper(0.165, 'msleep'), 'blocked-sync');
    expect(status).toBe('partial');
    expect(note).toContain('the recording lasts 165 ms, the threshold is 1.00 s');
  });
});

describe('stacks without a symbol', () => {
  it('do not show what a sleeping task waits for', async () => {
    expect(of(await sleeper(130, 'ffffffff81234567'), 'blocked-sync')).toMatchObject({ status: 'not-assessed' });
    expect(of(await sleeper(130, 'ffffffff81234567'), 'hung-task').note).toContain('without symbols');
    expect(of(await sleeper(130, 'synchronize_rcu'), 'blocked-sync').status).not.toBe('not-assessed');
  });
});

describe('the kernel log', () => {
  const LOG = textCapture('dmesg.txt', '[    1.000000] lab: one\n[    2.000000] lab: two\n[    3.000000] lab: three\n');
  const TRACE = textCapture(
    'trace.txt',
    '# tracer: nop\n          <idle>-0       [000] d..2.    20.000010: sched_waking: comm=a pid=9 prio=120 target_cpu=000\n',
  );

  it('decides lockups, and is not missing where it is', async () => {
    expect(of(await replayCaptures([TRACE]), 'soft-lockup')).toMatchObject({
      status: 'not-assessed',
      missing: ['the kernel log'],
    });
    for (const inputs of [[LOG], [TRACE, LOG]])
      expect(of(await replayCaptures(inputs), 'soft-lockup')).toMatchObject({ status: 'assessed', missing: [] });
  });
});

describe('holdouts', () => {
  it('of healthy grace periods need no cause', async () => {
    const { facts, findings } = await replayFile(
      new URL('../../samples/healthy.trace.txt.zst', import.meta.url).pathname,
    );
    expect(facts.rcuBlockers.filter(({ cause }) => cause !== null)).toEqual([]);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('have one from a second on, or from the threshold of the user on', async () => {
    const text = (seconds: number): string => trace`
      rcu_preempt-16 [000] ..... 1.000: rcu_grace_period: rcu_preempt 1001 start
      rcu_preempt-16 [000] ..... 1.001: rcu_grace_period_init: rcu_preempt 1001 0 0 1 2
      hog-7 [001] d.h1. 1.010: local_timer_entry: vector=236
      hog-7 [001] d.h1. 1.011: local_timer_exit: vector=236
      hog-7 [001] ..... ${(1 + seconds).toFixed(3)}: rcu_quiescent_state_report: rcu_preempt 1001 2>0 0 0 1 0
      rcu_preempt-16 [000] ..... ${(1.001 + seconds).toFixed(3)}: rcu_grace_period: rcu_preempt 1001 end`;
    const causes = ({ facts }: CaptureReplay) => facts.rcuBlockers.map(({ cause }) => cause !== null);
    expect(causes(await replayText(text(0.5)))).toEqual([false]);
    expect(causes(await replayText(text(2)))).toEqual([true]);
    expect(causes(await replayText(text(0.5), { thresholds: { rcuStallNs: 2e8 } }))).toEqual([true]);
  });
});
