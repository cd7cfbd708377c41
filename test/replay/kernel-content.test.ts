/** What the content of a recording tells where its kernel does not say it: releases, static srcu_structs, stalls by their warning alone. */
import { describe, expect, it } from 'vitest';
import { profileFromSymbols } from '../../parsers/trace-dat/metadata/kernel-config.ts';
import type { KernelProfile } from '../../schema/index.ts';
import { SrcuIdentity } from '../../src/replay/model/srcu/identity.ts';
import { ofKind, replayText } from '../support/replay-capture.ts';
import { to, trace } from '../support/replay-dsl.ts';

describe('a release that the content tells', () => {
  const queue =
    'workqueue_queue_work: work struct=00000000b58dfdac function=process_srcu workqueue=rcu_gp req_cpu=4 cpu=0';

  it('process_srcu queued inside the irq_work interrupt: 7.0 or later (S3.12)', async () => {
    const { engine } = await replayText(trace`
      a-1  [000] d.h..  1.000: irq_work_entry: vector=246
      a-1  [000] d.h1.  1.001: ${queue}
      a-1  [000] d.h..  1.002: irq_work_exit: vector=246`);
    expect(engine.world.profile.atLeast).toBe('7.0');
    expect(engine.world.profile.release).toBeUndefined();
  });

  it('outside of it, as a delayed work does on every kernel: nothing', async () => {
    const { engine } = await replayText(trace`
      a-1  [000] d.h..  1.000: irq_work_entry: vector=246
      a-1  [000] d.h..  1.002: irq_work_exit: vector=246
      a-1  [000] d.s1.  1.003: ${queue}`);
    expect(engine.world.profile.atLeast).toBeUndefined();
  });

  it('srcu_irq_work as the callback of an IPI: 7.0 or later', async () => {
    const { engine } = await replayText(trace`
      a-1  [000] d..2.  1.000: ipi_send_cpu: cpu=0 callsite=irq_work_queue+0x2d/0x60 callback=srcu_irq_work+0x0/0x70`);
    expect(engine.world.profile.atLeast).toBe('7.0');
  });
});

describe('symbols of static srcu_structs', () => {
  const profile: KernelProfile = {};
  profileFromSymbols(
    Buffer.from(
      'ffffffff8330d020 d rcu_tasks_trace_srcu_struct_srcu_usage\nffffffffc0219980 d lab_fast_srcu_usage\t[lab]\nffffffff81000000 T not_srcu_usage_here\n',
    ),
    profile,
  );
  const identity = new SrcuIdentity(profile);

  it('name the work items within them, those of modules too', () => {
    expect(identity.ofWork(BigInt.asIntN(64, 0xffffffff8330d128n) as never)).toBe('rcu_tasks_trace_srcu_struct');
    expect(identity.ofWork(BigInt.asIntN(64, 0xffffffffc0219a68n) as never)).toBe('lab_fast');
  });

  it('name nothing beyond', () => {
    expect(identity.ofWork(BigInt.asIntN(64, 0xffffffff8330f128n) as never)).toBeUndefined();
    expect(Object.keys(profile.srcuUsages ?? {})).toHaveLength(2);
  });
});

describe('rcu_stall_warning alone', () => {
  const warned = (event: string): string => trace`
    hog-5     [001] d..2.  10.0: ${to('hog:5', 'R', 'hog:6')}
    other-8   [000] d..2.  10.1: ${to('other:8', 'S', 'swapper/0:0')}
    hog-6     [001] d..1.  13.1: ${event}
    other-8   [000] d..2.  14.0: ${to('swapper/0:0', 'R', 'other:8')}
    hog-6     [001] d..2.  20.0: ${to('hog:6', 'R', 'swapper/1:0')}`;

  it('is a stall, of the CPU that found it itself', async () => {
    const [stall] = ofKind(await replayText(warned('rcu_stall_warning: rcu_preempt SelfDetected')), 'rcu-stall');
    expect(stall).toMatchObject({ cpus: [1], confidence: 'inferred', gp_seq: null });
    expect(stall.notes.join()).not.toContain('cannot warn');
  });

  it('an expedited one is told apart', async () => {
    const [stall] = ofKind(await replayText(warned('rcu_stall_warning: rcu_preempt ExpeditedStall')), 'rcu-stall');
    expect(stall).toMatchObject({ cpus: [1], expedited: true });
  });
});
