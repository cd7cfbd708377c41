/** The verdict matrix (MODEL §10 A3–A5, 6.3): which findings a change to the kernel clears, leaves and brings. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { CaptureInput } from '../../../src/ingest/capture.ts';
import { type ReplayedRun, WhatIf } from '../../../src/replay/what-if/judge.ts';
import { resolveVariant, VARIANTS } from '../../../src/replay/what-if/variants.ts';
import { textCapture } from '../../support/sample-store.ts';
import { brief, replayedRun, replayedWith, type Verdicts, verdicts } from '../../support/what-if-run.ts';

const CYCLE = ['lab_srcu_srcu_usage.lock', '&pool->lock', '&p->pi_lock', '&rq->__lock'];
const INVERSION = `lock-inversion ${CYCLE.join(' ')}`;
const WAIT_CONTEXT = 'wait-context lab_srcu_srcu_usage.lock';

function judge(...captures: CaptureInput[]): () => {
  readonly run: ReplayedRun;
  readonly whatIf: WhatIf;
  readonly under: (name: string) => Verdicts;
} {
  let run: ReplayedRun;
  let whatIf: WhatIf;
  beforeAll(async () => {
    run = await replayedRun(...captures);
    whatIf = new WhatIf(run);
  });
  return () => ({ run, whatIf, under: (name) => verdicts(whatIf, run, name) });
}

describe('case B, Bug 2: a lock cycle through SRCU on PREEMPT (lock-cycle)', () => {
  const of = judge('lock-cycle.trace.txt.zst');

  it('raw SRCU locks leave the cycle (X1)', () => {
    const { remaining, clearedFindings } = of().under('srcu-raw-locks');
    expect(brief(remaining)).toContain(INVERSION);
    // What is latent on this kernel, and real on PREEMPT_RT, is gone.
    expect(brief(clearedFindings)).toContain(WAIT_CONTEXT);
  });

  it('irq_work clears the cycle, and leaves the type of the lock (X2)', () => {
    const result = of().under('srcu-irq-work');
    expect(brief(result.clearedFindings)).toEqual([INVERSION]);
    expect(brief(result.remaining)).toContain(WAIT_CONTEXT);
    expect(result.new).toEqual([]);
    expect(result.because.join('\n')).toMatch(
      /lab_srcu_srcu_usage\.lock → &pool->lock is removed with its \d+ acquisitions?, seen at event/,
    );
  });

  it('both clear everything, and name the path that stays for large structs (X3, S3.11, T51)', () => {
    const result = of().under('srcu-raw-locks+srcu-irq-work');
    expect(result.after).toEqual([]);
    expect(result.because.join('\n')).toContain('a struct that has grown to per-node form may still queue work');
  });

  it('delayed work takes the pool out of the cycle and puts the timer base in (X4, T35)', () => {
    const { clearedFindings, because } = of().under('srcu-delayed-work');
    expect(brief(clearedFindings)).toContain(INVERSION);
    expect(because.join('\n')).toContain('takes the timer base lock instead of the pool lock');
  });

  it('a call_srcu() that defers itself under raw locks clears everything (X6)', () => {
    expect(of().under('call-srcu-lockless').after).toEqual([]);
  });

  it('deferral in BPF does not help a caller that is not BPF: a no-op says so (X5, X-R3, T34)', () => {
    const result = of().under('bpf-defer');
    expect(result).toMatchObject({ no_op: true, cleared: [], new: [], changed: [], because: [] });
    expect(brief(result.remaining)).toContain(INVERSION);
  });

  it('on PREEMPT_RT the cycle stays and Bug 1 appears (X13), raw locks take Bug 1 away again', () => {
    const rt = of().under('preempt-rt');
    expect(brief(rt.remaining)).toContain(INVERSION);
    expect(rt.new.filter((finding) => finding.severity === 'error').map((finding) => finding.kind)).toContain(
      'wait-context',
    );
    const raw = of().under('preempt-rt+srcu-raw-locks');
    expect(brief(raw.remaining)).toContain(INVERSION);
    expect(raw.after.filter((finding) => finding.kind === 'wait-context' && finding.severity === 'error')).toEqual([]);
    const both = of().under('preempt-rt+srcu-raw-locks+srcu-irq-work');
    expect(both.after.filter((finding) => finding.severity === 'error')).toEqual([]);
  });

  it('variants of grace periods find nothing to do', () => {
    for (const name of [
      'srcu-async-rcu',
      'srcu-polled-rcu',
      'no-nmi-load',
      'async-teardown',
      'drop-event-mutex',
      'no-rt',
    ])
      expect({ name, no_op: of().under(name).no_op }).toEqual({ name, no_op: true });
  });

  it('after the fix of the recording nothing is left, whatever the variant', async () => {
    const fixed = await replayedRun('lock-cycle-fixed.trace.txt.zst');
    const whatIf = new WhatIf(fixed);
    for (const { name } of VARIANTS) {
      const errors = verdicts(whatIf, fixed, name).after.filter((finding) => finding.severity === 'error');
      expect({ name, errors: brief(errors) }).toEqual({ name, errors: [] });
    }
  });
});

describe('case B, Bug 1: an invalid wait context on PREEMPT_RT (wait-context-rt)', () => {
  const of = judge('wait-context-rt.trace.txt.zst');
  const errors = (result: Verdicts): string[] => brief(result.after.filter((finding) => finding.severity === 'error'));

  it('raw SRCU locks clear it (X1), on PREEMPT_RT under their other names too', () => {
    const result = of().under('srcu-raw-locks');
    expect(brief(result.clearedFindings)).toContain(WAIT_CONTEXT);
    expect(errors(result).filter((text) => /^(wait-context|sleep-in-atomic)/.test(text))).toEqual([]);
  });

  it('irq_work does not (X2)', () => {
    expect(brief(of().under('srcu-irq-work').remaining)).toContain(WAIT_CONTEXT);
  });

  it('without PREEMPT_RT it is latent only (X14)', () => {
    const result = of().under('no-rt');
    expect(brief(result.clearedFindings)).toContain(WAIT_CONTEXT);
    expect(result.new.filter((finding) => finding.kind === 'wait-context').map((finding) => finding.severity)).toEqual([
      'info',
      'info',
    ]);
  });
});

describe('case B on the text of splats alone (A1–A3)', () => {
  const bug1 = [
    '=============================',
    '[ BUG: Invalid wait context ]',
    '7.0.0-rc1 #1 Not tainted',
    '-----------------------------',
    '(udev-worker)/115 is trying to lock:',
    'ffffffffa6a6cd30 (rcu_tasks_trace_srcu_struct_srcu_usage.lock){....}-{3:3}, at: spin_lock_irqsave_ssp_contention+0x54/0x90',
    'other info that might help us debug this:',
    'context-{5:5}',
    '3 locks held by (udev-worker)/115:',
    ' #0: ff11000100b7e9d8 (&p->pi_lock){-.-.}-{2:2}, at: task_rq_lock+0x2c/0x100',
    ' #1: ff110004fac88c58 (&rq->__lock){-.-.}-{2:2}, at: raw_spin_rq_lock_nested+0x24/0xb0',
    ' #2: ffffffffa6a6cd60 (rcu_read_lock){....}-{1:3}, at: __bpf_prog_enter+0x1a/0x90',
    'stack backtrace:',
    'CPU: 1 UID: 0 PID: 115 Comm: (udev-worker) Not tainted 7.0.0-rc1 #1 PREEMPT(full)',
    'Call Trace:',
    ' <TASK>',
    ' dump_stack_lvl+0x6f/0xb0',
    ' __lock_acquire+0xf86/0x1de0',
    ' _raw_spin_lock_irqsave+0x39/0x60',
    ' srcu_gp_start_if_needed+0xb3/0x540',
    ' call_srcu+0x1b/0x20',
    ' bpf_selem_unlink+0x1/0x2',
    ' bpf_task_storage_delete+0x1/0x2',
    ' </TASK>',
  ];
  const log = bug1.map((line, i) => `[   20.${String(i).padStart(6, '0')}] ${line}`).join('\n');
  const of = judge(textCapture('bug1.txt', `${log}\n`));
  const BUG1 = 'wait-context rcu_tasks_trace_srcu_struct_srcu_usage.lock';
  /** Lockdep was off by then: inferred from the orders that every kernel has, over either of the two locks held (T22). */
  const BUG2 = [
    'lock-inversion rcu_tasks_trace_srcu_struct_srcu_usage.lock &pool->lock &p->pi_lock',
    'lock-inversion rcu_tasks_trace_srcu_struct_srcu_usage.lock &pool->lock &p->pi_lock &rq->__lock',
  ];

  it.each([
    ['identity', [...BUG2, BUG1]],
    ['srcu-raw-locks', BUG2],
    ['srcu-irq-work', [BUG1]],
    ['srcu-raw-locks+srcu-irq-work', []],
    ['bpf-defer', []],
    ['call-srcu-lockless', []],
    ['tasks-trace-own-kthread', []],
    ['no-rt', BUG2],
  ])('%s leaves %j', (name, left) => {
    expect(brief(of().under(name).after)).toEqual(left);
  });

  it('says why, with the line of the report', () => {
    expect(of().under('srcu-raw-locks').because).toEqual([
      "lockdep's report in line 2: rcu_tasks_trace_srcu_struct_srcu_usage.lock is 2, the limit 2: not above it any more",
    ]);
  });

  it('a reported cycle goes with one of its orders (lock-cycle.txt)', async () => {
    const run = await replayedRun('lock-cycle.txt');
    const whatIf = new WhatIf(run);
    expect(brief(run.baseline)).toEqual([INVERSION]);
    expect(brief(verdicts(whatIf, run, 'srcu-raw-locks').after)).toEqual([INVERSION]);
    expect(verdicts(whatIf, run, 'srcu-irq-work').after).toEqual([]);
  });
});

describe('case C: an NMI storm behind a chain of SRCU and RCU grace periods (nmi-storm)', () => {
  const of = judge('nmi-storm.trace.txt.zst');
  const CLOSE = 'blocked-sync perf close-1';

  it('without the NMI load everything unwinds: the root cause (X15)', () => {
    const { after, because } = of().under('no-nmi-load');
    expect(after).toEqual([]);
    expect(because.join('\n')).toMatch(
      /rcu_preempt grace period 521: 13\.\d+ s of its 13\.\d+ s went to NMIs on CPU 1/,
    );
  });

  it('asynchronous and polled grace periods free the kworkers only (X9, X9b)', () => {
    for (const name of ['srcu-async-rcu', 'srcu-polled-rcu']) {
      const { clearedFindings, remaining } = of().under(name);
      expect(brief(clearedFindings)).toEqual(['hung-task kworker/0:1', 'hung-task kworker/0:2']);
      expect(brief(remaining)).toEqual(expect.arrayContaining([CLOSE, 'rcu-stall', 'nmi-storm']));
    }
  });

  it('the older tracepoint guard still waits for the same grace period (X11)', () => {
    const result = of().under('tracepoint-preempt-guard');
    expect(brief(result.remaining)).toEqual(expect.arrayContaining([CLOSE, 'rcu-stall']));
    expect(result.because.join('\n')).toContain('waits for RCU directly, and so for the same holdout');
  });

  it('expedited grace periods do not help a CPU that makes no quiescent state (X12, T46)', () => {
    const { remaining, changed } = of().under('expedited');
    expect(brief(remaining)).toEqual(expect.arrayContaining([CLOSE, 'rcu-stall']));
    // Timing effects are intervals, and never longer than what was seen (X-R1).
    for (const { id, blocked_ns } of changed) {
      const before = of().run.baseline.filter((finding) => finding.id === id);
      const waits = before.flatMap((finding) => (finding.kind === 'blocked-sync' ? [finding.blocked_ns] : []));
      expect(blocked_ns[0]).toBeLessThanOrEqual(blocked_ns[1]);
      expect(blocked_ns[1]).toBeLessThanOrEqual(Math.max(...waits));
    }
  });

  it('normal SRCU readers free whoever waits for SRCU, not whoever waits for RCU (X10)', () => {
    const { clearedFindings, remaining } = of().under('srcu-normal-readers');
    expect(brief(clearedFindings)).toContain(CLOSE);
    expect(brief(remaining)).toEqual(expect.arrayContaining(['rcu-stall', 'blocked-sync lab_rcuupd']));
  });

  it('asynchronous teardown lets the closing task return, the stall stays (X17)', () => {
    const { clearedFindings, remaining } = of().under('async-teardown');
    expect(brief(clearedFindings)).toEqual([CLOSE, 'hung-task perf close-1']);
    expect(brief(remaining)).toContain('rcu-stall');
  });

  it('lock variants change no verdict', () => {
    for (const name of ['srcu-raw-locks', 'srcu-irq-work', 'call-srcu-lockless', 'tasks-no-mod-timer'])
      expect({ name, cleared: of().under(name).cleared, added: of().under(name).new }).toEqual({
        name,
        cleared: [],
        added: [],
      });
  });

  it('what the kernel reported of a thing goes with it', async () => {
    const run = await replayedRun('nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt');
    expect(run.baseline.find((finding) => finding.kind === 'rcu-stall')?.confidence).toBe('reported');
    const { remaining } = verdicts(new WhatIf(run), run, 'no-nmi-load');
    expect(brief(remaining)).not.toContain('rcu-stall');
    expect(brief(remaining)).not.toContain(CLOSE);
  });
});

describe('case A: the timer base lock under each deferral (A5, T35, T51)', () => {
  /** A BPF program on timer code calls call_rcu_tasks_trace() under the timer base lock. */
  const capture = textCapture(
    'timer-base.txt',
    [
      '# tracer: nop',
      '#',
      ' swapper-1  [000] d.s2. 1.000000: lock_acquire: 00000000000000a0 &base->lock',
      ' swapper-1  [000] d.s2. 1.000001: lock_acquired: 00000000000000a0 &base->lock',
      ' swapper-1  [000] d.s3. 1.000002: lock_acquire: 00000000000000b0 rcu_tasks_trace__percpu.cbs_pcpu_lock',
      ' swapper-1  [000] d.s3. 1.000003: lock_acquired: 00000000000000b0 rcu_tasks_trace__percpu.cbs_pcpu_lock',
      ' swapper-1  [000] d.s3. 1.000004: lock_release: 00000000000000b0 rcu_tasks_trace__percpu.cbs_pcpu_lock',
      ' swapper-1  [000] d.s2. 1.000005: lock_release: 00000000000000a0 &base->lock',
      '',
    ].join('\n'),
  );
  const HAZARD = 'deferral-hazard call_rcu_tasks_trace &base->lock';
  let whatIf: WhatIf;
  beforeAll(async () => {
    whatIf = new WhatIf(await replayedWith({ release: '6.12.0' }, capture));
  });
  const under = (name: string): string[] => brief(whatIf.findings(resolveVariant(name)));

  it('the lazy timer of RCU Tasks is a hazard under it, whoever owns the grace periods (H6, X7)', () => {
    expect(under('identity')).toContain(HAZARD);
    expect(under('tasks-trace-own-kthread')).toContain(HAZARD);
    expect(under('srcu-irq-work')).toContain(HAZARD);
  });

  it('without mod_timer() it is none (X8)', () => {
    expect(under('tasks-no-mod-timer')).not.toContain(HAZARD);
  });
});
