import { describe, expect, it } from 'vitest';
import { WAIT_INLINED, WAIT_RT_SPIN, WAIT_SLEEP_FRAME, WAIT_SPIN_FRAME } from '../../../src/replay/model/lock/class.ts';
import { traitsOf } from '../../../src/replay/model/lock/context/stack-traits.ts';
import { ofKind } from '../../support/replay-capture.ts';
import { type LockStep, type ProgramOptions, replayProgram, thread } from '../../support/replay-dsl.ts';

const ATOMIC = { flags: 'd..2.' };
const SRCU = 'my_srcu_usage.lock';

const contexts = async (steps: readonly LockStep[], options: ProgramOptions = {}) =>
  ofKind(await replayProgram(steps, options), 'wait-context');

describe('a spinlock under a raw spinlock (L5.34)', () => {
  const steps = thread(1, `+&rq->__lock +${SRCU} -${SRCU} -&rq->__lock`, ATOMIC);

  it('is latent on a kernel that nothing shows to be PREEMPT_RT: info, never an error', async () => {
    expect(await contexts(steps)).toMatchObject([
      { locks: [SRCU], held: ['&rq->__lock'], severity: 'info', confidence: 'inferred' },
    ]);
  });

  it('is real on PREEMPT_RT', async () => {
    expect(await contexts(steps, { profile: { rt: true } })).toMatchObject([
      { severity: 'error', confidence: 'observed' },
    ]);
  });

  it('is real where the kernel checks raw lock nesting', async () => {
    expect(await contexts(steps, { profile: { rawLockNesting: true } })).toMatchObject([{ severity: 'error' }]);
  });

  it('is nothing from Linux 7.0 on, where SRCU locks are raw', async () => {
    expect(await contexts(steps, { profile: { rt: true, release: '7.0.0' } })).toEqual([]);
  });

  it('is nothing when it is only tried (L5.32)', async () => {
    expect(
      await contexts(thread(1, `+&rq->__lock ?${SRCU} -${SRCU} -&rq->__lock`, ATOMIC), { profile: { rt: true } }),
    ).toEqual([]);
  });

  it('is out of sight below a wait-type override (L5.37)', async () => {
    const under = thread(
      1,
      `+&rq->__lock ?printk_legacy_map-wait-type-override +${SRCU} -${SRCU} -printk_legacy_map-wait-type-override -&rq->__lock`,
      ATOMIC,
    );
    expect(await contexts(under, { profile: { rt: true } })).toEqual([]);
  });

  it('does not look across an interrupt context', async () => {
    const steps2 = [...thread(1, '+&rq->__lock', ATOMIC), ...thread(1, `+${SRCU} -${SRCU}`, { flags: 'd.s1.' })];
    expect(await contexts(steps2, { profile: { rawLockNesting: true } })).toEqual([]);
  });

  it('has another identity when it is latent: a variant can turn the one into the other', async () => {
    const [latent] = await contexts(steps);
    const [real] = await contexts(steps, { profile: { rt: true } });
    expect(latent.id).not.toBe(real.id);
  });
});

describe('PREEMPT_RT is proved by the trace (P0.2)', () => {
  it('by the inner wait_lock of a spinlock, which also makes it a spinlock', async () => {
    const replay = await replayProgram([
      ...thread(1, '+x'),
      ...thread(1, '+x.lock.wait_lock -x.lock.wait_lock', { flags: 'd..1.' }),
      ...thread(1, '-x'),
      ...thread(1, '+&rq->__lock +x +x.lock.wait_lock -x.lock.wait_lock -x -&rq->__lock', ATOMIC),
    ]);
    expect(replay.profile.rt).toBe(true);
    expect(ofKind(replay, 'wait-context')).toMatchObject([{ locks: ['x'], severity: 'error' }]);
    expect(ofKind(replay, 'sleep-in-atomic')).toMatchObject([{ task: 't1', held: ['&rq->__lock'], severity: 'error' }]);
  });

  it('by rt_spin_lock frames; _raw_spin_lock is raw there', async () => {
    const at = (tid: number, op: string, stack: readonly string[]): LockStep => ({
      tid,
      op,
      flags: '...1.',
      stack: ['lock_acquire', ...stack, 'kthread'],
    });
    const replay = await replayProgram([
      at(1, '+outer', ['_raw_spin_lock', 'f']),
      at(1, '+inner', ['rt_spin_lock', 'f']),
      ...thread(1, '-inner -outer'),
    ]);
    expect(replay.profile.rt).toBe(true);
    const [finding] = ofKind(replay, 'wait-context');
    expect(finding).toMatchObject({ locks: ['inner'], held: ['outer'], severity: 'error', confidence: 'observed' });
    expect(finding.evidence.slice(0, 2).map((item) => item.role)).toEqual([
      't1:1 acquires outer',
      't1:1 acquires inner at f()',
    ]);
  });

  it('not against what the flags show: a raw spinlock that is held keeps preemption off', async () => {
    const open = thread(1, `+&ctx->lock +${SRCU} -${SRCU} -&ctx->lock`, { flags: '.....' });
    expect(await contexts(open, { profile: { rt: true } })).toEqual([]);
  });
});

describe('a sleeping lock under a spinlock (D6.5)', () => {
  it('is an error on every kernel', async () => {
    const replay = await replayProgram([
      { tid: 1, op: '+s', flags: '...1.', stack: ['lock_acquire', '_raw_spin_lock', 'f'] },
      { tid: 1, op: '+m', flags: '...2.', stack: ['lock_acquire', '__mutex_lock', 'mutex_lock_nested', 'f'] },
      ...thread(1, '-m -s'),
    ]);
    expect(ofKind(replay, 'wait-context')).toMatchObject([{ locks: ['m'], held: ['s'], severity: 'error' }]);
    expect(ofKind(replay, 'sleep-in-atomic')).toMatchObject([{ task: 't1', tid: 1, held: ['s'] }]);
  });

  it('is nothing when one name stands for a mutex here and a spinlock there (L5.10)', async () => {
    const stack = (fn: string) => ['lock_acquire', fn, 'f'];
    const steps: LockStep[] = [
      { tid: 1, op: '+p@1', flags: '...1.', stack: stack('_raw_spin_lock') },
      ...thread(1, '-p@1'),
      { tid: 1, op: '+s', flags: '...1.', stack: stack('_raw_spin_lock') },
      { tid: 1, op: '+p@2', flags: '...2.', stack: stack('mutex_lock') },
      ...thread(1, '-p@2 -s'),
    ];
    expect(await contexts(steps)).toEqual([]);
  });
});

describe('going to sleep in atomic context (5.9)', () => {
  it('shows in the preemption depth at the switch', async () => {
    const steps = [...thread(1, '+s +&rq->__lock', { flags: 'd..2.' }), ...thread(1, 'sleep', { flags: 'd..3.' })];
    expect(ofKind(await replayProgram(steps), 'sleep-in-atomic')).toMatchObject([
      { task: 't1', held: ['s'], severity: 'error' },
    ]);
  });

  it('is not a mutex held over a sleep', async () => {
    const steps = [...thread(1, '+m'), ...thread(1, 'sleep', { flags: 'd..2.' })];
    expect(ofKind(await replayProgram(steps), 'sleep-in-atomic')).toEqual([]);
  });

  it('needs a lock that is known to spin where flags are missing', async () => {
    expect(ofKind(await replayProgram(thread(1, '+m sleep'), { noFlags: true }), 'sleep-in-atomic')).toEqual([]);
    expect(
      ofKind(await replayProgram(thread(1, '+&x->wait sleep'), { noFlags: true }), 'sleep-in-atomic'),
    ).toMatchObject([{ severity: 'warning' }]);
  });
});

describe('locking functions (L5.36)', () => {
  it('decide by the first frame that is neither tracer nor lockdep', () => {
    const evidence = (...frames: string[]) =>
      traitsOf(['trace_event_raw_event_lock_acquire', 'lock_acquire', ...frames, 'caller', 'kthread']);
    expect(evidence('_raw_spin_lock_irqsave').evidence).toBe(WAIT_SPIN_FRAME);
    expect(evidence('rt_spin_lock')).toMatchObject({ evidence: WAIT_RT_SPIN, rt: true, site: 'caller' });
    expect(evidence('__mutex_lock', 'mutex_lock_nested')).toMatchObject({
      evidence: WAIT_SLEEP_FRAME,
      rt: false,
      site: 'caller',
    });
    expect(evidence('_raw_spin_lock_irqsave', 'rt_spin_lock')).toMatchObject({ evidence: WAIT_SPIN_FRAME, rt: false });
    expect(evidence('something_else').evidence).toBe(WAIT_INLINED);
  });

  it('name the API through which a lock is taken, the outermost', () => {
    expect(
      traitsOf([
        'lock_acquire',
        '_raw_spin_lock',
        '__queue_work',
        'queue_work_on',
        'srcu_gp_start_if_needed',
        '__call_srcu',
        'call_srcu',
        'f',
      ]).api,
    ).toBe('call_srcu');
    expect(traitsOf(['lock_acquire', '_raw_spin_lock', 'bpf_prog_1234_x', 'f'])).toMatchObject({
      api: undefined,
      bpf: true,
    });
  });
});
