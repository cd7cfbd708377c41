/** Grace periods of srcu_structs from each source alone (MODEL 3.5), and why they take their time (S3.60). */
import { describe, expect, it } from 'vitest';
import { type CaptureReplay, ofKind, replayText } from '../../support/replay-capture.ts';
import { to, trace } from '../../support/replay-dsl.ts';

const SSP = 'ssp=0xffffffff81ee05a0';
const OTHER = 'ssp=0xffffffff81ee0900';
const enters = (ssp = SSP): string => `synchronize_srcu: (synchronize_srcu+0x4/0x30) ${ssp}`;
const returns = 'synchronize_srcu_ret: (x+0x90/0xf0 <- synchronize_srcu)';
const scan = (ssp = SSP): string => `try_check_zero: (try_check_zero+0x4/0x30) ${ssp}`;
const queue = (fn: string, work = 'bbbbbbbb'): string =>
  `workqueue_queue_work: work struct=00000000${work} function=${fn} workqueue=rcu_gp req_cpu=8 cpu=0`;
const start = (fn: string, work = 'bbbbbbbb'): string =>
  `workqueue_execute_start: work struct 00000000${work}: function ${fn}`;
const end = (fn: string, work = 'bbbbbbbb'): string =>
  `workqueue_execute_end: work struct 00000000${work}: function ${fn}`;

const periods = ({ engine }: CaptureReplay): unknown[] =>
  engine.models.srcuGp.periods.map((gp) => [gp.domain, gp.runs, gp.startNs / 1e9, gp.endNs && gp.endNs / 1e9]);

describe('one worker that serves two structs in turn', () => {
  it('drives a grace period of each, known from probes alone (S3.21)', async () => {
    const outcome = await replayText(trace`
      kworker/0:1-9 [000] ..... 1.0: process_srcu: (process_srcu+0x4/0x30)
      kworker/0:1-9 [000] ..... 1.1: ${scan()}
      kworker/0:1-9 [000] ..... 1.2: process_srcu_ret: (x+0x90/0xf0 <- process_srcu)
      kworker/0:1-9 [000] ..... 1.3: process_srcu: (process_srcu+0x4/0x30)
      kworker/0:1-9 [000] ..... 1.4: ${scan(OTHER)}
      kworker/0:1-9 [000] ..... 1.5: process_srcu_ret: (x+0x90/0xf0 <- process_srcu)
      kworker/0:1-9 [000] ..... 1.6: process_srcu: (process_srcu+0x4/0x30)
      kworker/0:1-9 [000] ..... 1.7: ${scan()}
      kworker/0:1-9 [000] ..... 1.75: srcu_gp_end: (srcu_gp_end+0x4/0x30) ${SSP}
      kworker/0:1-9 [000] ..... 1.8: process_srcu_ret: (x+0x90/0xf0 <- process_srcu)`);
    expect(periods(outcome)).toEqual([
      ['srcu_struct 0xffffffff81ee05a0', 2, 1, 1.75],
      ['srcu_struct 0xffffffff81ee0900', 1, 1.3, null],
    ]);
  });
});

describe('lock events alone (L5.18, S3.2)', () => {
  const RUN = '(work_completion)(&(&ssp->srcu_sup->work)->work)';
  const run = (from: number, struct: string): string => `
    kworker/0:1-9 [000] ..... ${from.toFixed(3)}: lock_acquire: 00000000000000a0 ${RUN}
    kworker/0:1-9 [000] ..... ${(from + 0.001).toFixed(3)}: lock_acquire: 00000000000000b0 &ssp->srcu_sup->srcu_gp_mutex
    kworker/0:1-9 [000] ..... ${(from + 0.002).toFixed(3)}: lock_acquire: 00000000000000c0 ${struct}_srcu_usage.lock
    kworker/0:1-9 [000] ..... ${(from + 0.003).toFixed(3)}: lock_release: 00000000000000c0 ${struct}_srcu_usage.lock
    kworker/0:1-9 [000] ..... ${(from + 0.004).toFixed(3)}: lock_release: 00000000000000b0 &ssp->srcu_sup->srcu_gp_mutex
    kworker/0:1-9 [000] ..... ${(from + 0.01).toFixed(3)}: lock_release: 00000000000000a0 ${RUN}`;

  it('show the runs of a struct, and the callbacks that its end queues', async () => {
    const outcome = await replayText(trace`
      ${run(1, 'lab_srcu')}
      ${run(1.1, 'lab_srcu')}
      kworker/0:1-9 [000] ..... 1.2: lock_acquire: 00000000000000d0 (work_completion)(&sdp->work)
      kworker/0:1-9 [000] ..... 1.3: lock_release: 00000000000000d0 (work_completion)(&sdp->work)`);
    expect(periods(outcome)).toEqual([['lab_srcu', 2, 1, 1.11]]);
    expect(outcome.engine.models.srcuGp.periods[0].callbacks?.startNs).toBe(1.2e9);
  });

  it('add nothing to workqueue events, which tell of the same executions', async () => {
    const outcome = await replayText(trace`
      kworker/0:1-9 [000] ..... 1.0: lock_acquire: 00000000000000a0 ${RUN}
      kworker/0:1-9 [000] ..... 1.01: ${start('process_srcu')}
      kworker/0:1-9 [000] ..... 1.02: lock_acquire: 00000000000000b0 &ssp->srcu_sup->srcu_gp_mutex
      kworker/0:1-9 [000] ..... 1.03: lock_release: 00000000000000b0 &ssp->srcu_sup->srcu_gp_mutex
      kworker/0:1-9 [000] ..... 1.04: ${end('process_srcu')}
      kworker/0:1-9 [000] ..... 1.05: lock_release: 00000000000000a0 ${RUN}`);
    expect(outcome.engine.models.work.srcuRuns).toHaveLength(1);
  });
});

describe('the causes of a wait (S3.60)', () => {
  const causes = (outcome: CaptureReplay): Record<string, number> => {
    const [blocked] = ofKind(outcome, 'blocked-sync');
    const list = blocked.srcu_causes ?? [];
    expect(list.reduce((sum, { ns }) => sum + ns, 0)).toBe(blocked.blocked_ns);
    return Object.fromEntries(list.map(({ cause, ns }) => [cause, Math.round((100 * ns) / blocked.blocked_ns)]));
  };

  it('are the RCU waits of the worker, where it waits for RCU (i)', async () => {
    const outcome = await replayText(trace`
      a-7 [001] ..... 1.0: ${enters()}
      a-7 [001] ..... 1.001: ${queue('process_srcu')}
      kworker/0:1-9 [000] ..... 1.002: ${start('process_srcu')}
      kworker/0:1-9 [000] ..... 1.003: ${scan()}
      kworker/0:1-9 [000] ..... 1.004: synchronize_rcu: (synchronize_rcu+0x4/0x30)
      kworker/0:1-9 [000] ..... 5.0: synchronize_rcu_ret: (x+0x90/0xf0 <- synchronize_rcu)
      kworker/0:1-9 [000] ..... 5.001: synchronize_rcu: (synchronize_rcu+0x4/0x30)
      kworker/0:1-9 [000] ..... 9.0: synchronize_rcu_ret: (x+0x90/0xf0 <- synchronize_rcu)
      kworker/0:1-9 [000] ..... 9.001: ${queue('srcu_invoke_callbacks', 'cccccccc')}
      kworker/0:1-9 [000] ..... 9.002: ${end('process_srcu')}
      kworker/0:1-9 [000] ..... 9.003: ${start('srcu_invoke_callbacks', 'cccccccc')}
      kworker/0:1-9 [000] ..... 9.004: ${end('srcu_invoke_callbacks', 'cccccccc')}
      a-7 [001] ..... 9.005: ${returns}`);
    expect(causes(outcome).SRCU_RCU).toBeGreaterThanOrEqual(99);
    expect(outcome.engine.models.srcuGp.periods[0].rcuWaits).toBe(2);
  });

  it('are readers that nobody recorded, where short scans repeat (ii)', async () => {
    const scans = Array.from(
      { length: 100 },
      (_, i) => `kworker/0:1-9 [000] ..... ${(1.002 + i * 0.04).toFixed(3)}: ${start('process_srcu')}
        kworker/0:1-9 [000] ..... ${(1.003 + i * 0.04).toFixed(3)}: ${scan()}
        kworker/0:1-9 [000] ..... ${(1.004 + i * 0.04).toFixed(3)}: ${end('process_srcu')}
        <idle>-0 [000] ..s.. ${(1.041 + i * 0.04).toFixed(3)}: ${queue('process_srcu')}`,
    );
    const outcome = await replayText(trace`
      a-7 [001] ..... 1.0: ${enters()}
      a-7 [001] ..... 1.001: ${queue('process_srcu')}
      ${scans.join('\n')}
      a-7 [001] ..... 5.005: ${returns}`);
    expect(causes(outcome).SRCU_READERS).toBeGreaterThanOrEqual(85);
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked).toMatchObject({ confidence: 'inferred', root: { kind: 'srcu-reader' } });
  });

  it('are an irq_work that ran late (iv, W13)', async () => {
    const outcome = await replayText(trace`
      a-7 [001] ..... 1.0: ${enters()}
      a-7 [001] d.h.. 4.0: srcu_irq_work: (srcu_irq_work+0x4/0x30)
      a-7 [000] d.h.. 4.0: srcu_irq_work: (srcu_irq_work+0x4/0x30)
      a-7 [000] d.h.. 4.001: ${queue('process_srcu')}
      kworker/0:1-9 [000] ..... 4.002: ${start('process_srcu')}
      kworker/0:1-9 [000] ..... 4.003: ${scan()}
      kworker/0:1-9 [000] ..... 4.004: ${queue('srcu_invoke_callbacks', 'cccccccc')}
      kworker/0:1-9 [000] ..... 4.005: ${end('process_srcu')}
      kworker/0:1-9 [000] ..... 4.006: ${start('srcu_invoke_callbacks', 'cccccccc')}
      a-7 [001] ..... 4.007: ${returns}`);
    expect(causes(outcome).IRQWORK_NOT_RUN).toBeGreaterThanOrEqual(99);
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked.chain.map((link) => link.name)).toContain('srcu_irq_work');
  });

  it('are a request that was lost, where nothing is ever queued (iv)', async () => {
    const outcome = await replayText(trace`
      b-8 [000] ..... 0.5: ${queue('other_fn', 'dddddddd')}
      a-7 [001] ..... 1.0: ${enters()}
      a-7 [001] d..2. 1.001: ${to('a:7', 'D', 'swapper/1:0')}
      b-8 [000] ..... 5.0: ${queue('other_fn', 'dddddddd')}`);
    expect(causes(outcome)).toEqual({ LOST: 100 });
  });
});

describe('srcu_barrier()', () => {
  it('waits for the struct, not for RCU (S3.20)', async () => {
    const outcome = await replayText(trace`
      a-7 [001] ..... 1.0: srcu_barrier: (srcu_barrier+0x4/0x30) ${SSP}
      a-7 [001] ..... 1.001: ${queue('process_srcu')}
      kworker/0:1-9 [000] ..... 1.002: ${start('process_srcu')}
      kworker/0:1-9 [000] ..... 1.003: ${scan()}
      kworker/0:1-9 [000] ..... 3.0: ${queue('srcu_invoke_callbacks', 'cccccccc')}
      kworker/0:1-9 [000] ..... 3.001: ${end('process_srcu')}
      kworker/0:1-9 [000] ..... 3.002: ${start('srcu_invoke_callbacks', 'cccccccc')}
      a-7 [001] ..... 3.003: srcu_barrier_ret: (x+0x90/0xf0 <- srcu_barrier)`);
    const [blocked] = ofKind(outcome, 'blocked-sync');
    expect(blocked).toMatchObject({ api: 'srcu_barrier', domain: 'srcu_struct 0xffffffff81ee05a0' });
    expect(blocked.chain.map((link) => link.kind)).toEqual(['task', 'srcu-gp', 'worker']);
    expect(outcome.facts.samples.map(([metric]) => metric)).toContain('rcu-barrier');
  });
});

describe('an expedited grace period', () => {
  it('is one that a caller of synchronize_srcu_expedited() needs, with all who ride along (S3.19)', async () => {
    const { facts } = await replayText(trace`
      a-7 [001] ..... 1.0: synchronize_srcu_expedited: (synchronize_srcu_expedited+0x4/0x30) ${SSP}
      a-7 [001] ..... 1.001: ${queue('process_srcu')}
      kworker/0:1-9 [000] ..... 1.002: ${start('process_srcu')}
      kworker/0:1-9 [000] ..... 1.003: ${scan()}
      kworker/0:1-9 [000] ..... 1.004: ${queue('srcu_invoke_callbacks', 'cccccccc')}
      kworker/0:1-9 [000] ..... 1.005: ${end('process_srcu')}
      kworker/0:1-9 [000] ..... 2.002: ${queue('process_srcu')}
      kworker/0:1-9 [000] ..... 2.003: ${start('process_srcu')}
      kworker/0:1-9 [000] ..... 2.004: ${queue('srcu_invoke_callbacks', 'cccccccc')}
      kworker/0:1-9 [000] ..... 2.005: ${end('process_srcu')}`);
    expect(facts.gracePeriods.map((gp) => gp.expedited)).toEqual([true, false]);
  });
});
