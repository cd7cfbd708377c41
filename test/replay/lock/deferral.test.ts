import { describe, expect, it } from 'vitest';
import { API_PROFILES, apiProfile, srcuLocksRaw } from '../../../src/replay/knowledge/lock/api-profiles.ts';
import { API_FRAMES } from '../../../src/replay/knowledge/lock/functions.ts';
import { lockNameRule, SRCU_LOCK, SRCU_USAGE_LOCK } from '../../../src/replay/knowledge/lock/names.ts';
import { notesText } from '../../support/notes.ts';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { type LockStep, type ProgramOptions, replayProgram, thread, trace } from '../../support/replay-dsl.ts';

const USAGE = 'my_srcu_usage.lock';
const SDP = '&ACCESS_PRIVATE(sdp, lock)';
const RAW = { flags: 'd..2.' };

const step = (tid: number, op: string): LockStep => ({ tid, op, ...RAW });
const hazards = async (steps: readonly LockStep[], options: ProgramOptions = {}) =>
  ofKind(await replayProgram(steps, options), 'deferral-hazard');

/** call_srcu() by its uncontended path: both SRCU locks are only tried. */
const callSrcuByTrylock = (tid: number): LockStep[] => [
  step(tid, `?${SDP}`),
  step(tid, `?${USAGE}`),
  step(tid, `-${USAGE}`),
  step(tid, `-${SDP}`),
];

describe('call_srcu() under the run-queue lock (case B)', () => {
  const under = [step(1, '+&rq->__lock'), ...callSrcuByTrylock(1), step(1, '-&rq->__lock')];

  it('is a cycle risk by static edges, though lockdep sees trylocks only (D6.1, T50)', async () => {
    const [finding, ...others] = await hazards(under, { profile: { release: '6.12.1' } });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      api: 'call_srcu',
      held: ['&rq->__lock'],
      severity: 'warning',
      confidence: 'inferred',
    });
    expect(finding.conflict).toMatch(
      /my_srcu_usage\.lock → &pool->lock → &p->pi_lock → &rq->__lock, which the caller holds; static: /,
    );
    expect(notesText(finding)).toMatch(/INVALID_WAIT: .* \(latent/);
  });

  it('is a cycle when the capture shows every edge of the way back', async () => {
    const way = [
      ...thread(2, `+${USAGE} +&pool->lock -&pool->lock -${USAGE}`, RAW),
      ...thread(2, '+&pool->lock +&p->pi_lock +&rq->__lock -&rq->__lock -&p->pi_lock -&pool->lock', RAW),
    ];
    const [finding] = await hazards([...way, ...under]);
    expect(finding.confidence).toBe('observed');
    expect(finding.conflict).not.toMatch(/static/);
  });

  it('is nothing from Linux 7.0 on: raw locks, and grace periods start from irq_work', async () => {
    expect(await hazards(under, { profile: { release: '7.0.0' } })).toEqual([]);
  });

  it('is nothing when the same call is deferred and nothing is held', async () => {
    expect(await hazards(callSrcuByTrylock(1))).toEqual([]);
  });

  it('does not blame queue_work() for what call_srcu() does', async () => {
    const steps = [
      ...thread(2, `+&rq->__lock +${USAGE} -${USAGE} -&rq->__lock`, RAW),
      ...thread(
        1,
        `+${USAGE} +&pool->lock +&p->pi_lock +&rq->__lock -&rq->__lock -&p->pi_lock -&pool->lock -${USAGE}`,
        RAW,
      ),
    ];
    expect((await hazards(steps)).map((finding) => finding.api)).not.toContain('queue_work');
  });
});

describe('other calls', () => {
  it('of a sleeping API under a spinlock are a hazard (D6.5)', async () => {
    const replay = await replayText(trace`
      t1-1 [001] d..2. 1.000001: lock_acquire: 00000000000000a0 &x->wait
      t1-1 [001] d..2. 1.000002: lock_acquired: 00000000000000a0 &x->wait
      t1-1 [001] d..2. 1.000003: synchronize_srcu: (synchronize_srcu+0x4/0xf0) ssp=0xffffffff81ee05a0
      t1-1 [001] d..2. 1.000004: lock_release: 00000000000000a0 &x->wait`);
    expect(ofKind(replay, 'deferral-hazard')).toMatchObject([{ api: 'synchronize', held: ['&x->wait'] }]);
  });

  it('of mod_timer() are seen by timer_start, whose own base lock is not the caller’s', async () => {
    const replay = await replayText(trace`
      t1-1 [001] d..2. 1.000001: lock_acquire: 00000000000000a0 some_lock
      t1-1 [001] d..2. 1.000002: lock_acquire: 00000000000000b0 &base->lock
      t1-1 [001] d..2. 1.000003: timer_start: timer=00000000000000c0 function=f expires=4294960000 [timeout=1] bucket_expiry=4294960000 cpu=1 idx=1 flags=
      t1-1 [001] d..2. 1.000004: lock_release: 00000000000000b0 &base->lock
      t1-1 [001] d..2. 1.000005: lock_release: 00000000000000a0 some_lock`);
    const [site] = replay.engine.models.locks.deferrals.all;
    expect(site).toMatchObject({ api: 'mod_timer', seenBy: 'event' });
    expect(site.held.map((hold) => replay.engine.models.locks.classes[hold.classId].name)).toEqual(['some_lock']);
    expect(ofKind(replay, 'deferral-hazard')).toEqual([]);
  });
});

describe('the tables', () => {
  it('have a profile for every API that a frame names', () => {
    for (const { api } of API_FRAMES) expect(API_PROFILES.some((profile) => profile.api === api)).toBe(true);
  });

  it('choose the profile by release; newest first where several fit', () => {
    expect(apiProfile('call_rcu_tasks_trace', '6.1.20')?.takes.map((lock) => lock.name)).toEqual([
      'rcu_tasks_trace__percpu.cbs_pcpu_lock',
    ]);
    expect(apiProfile('call_rcu_tasks_trace', '6.18.2')?.takes).toHaveLength(2);
    expect(apiProfile('call_rcu_tasks_trace', '7.0.0')?.takes[0].family).toBeDefined();
    expect(apiProfile('call_srcu', undefined)?.takes.map((lock) => lock.name)).toContain('&pool->lock');
    expect(apiProfile('no_such_api', '6.12')).toBeUndefined();
  });

  it('know when SRCU’s locks became raw', () => {
    expect(srcuLocksRaw('6.12.117-labA')).toBe(false);
    expect(srcuLocksRaw('7.1.5')).toBe(true);
    expect(srcuLocksRaw('7.0.0-rc4')).toBeUndefined();
    expect(srcuLocksRaw(undefined)).toBeUndefined();
  });

  it('tell maps, readers, counters and overrides from locks by name (L5.12, L5.26, L5.37)', () => {
    const nature = (name: string) => lockNameRule(name).nature;
    expect(nature('rcu_read_lock')).toBe('reader');
    expect(nature('lab_srcu')).toBe('map');
    expect(nature('tracepoint_srcu')).toBe('map');
    expect(nature('&fsnotify_mark_srcu')).toBe('map');
    expect(nature('(work_completion)(&(&ssp->srcu_sup->work)->work)')).toBe('map');
    expect(nature('(wq_completion)rcu_gp')).toBe('map');
    expect(nature('(&timer.timer)')).toBe('map');
    expect(nature('tk_core.seq.seqcount')).toBe('seqcount');
    expect(nature('sched_map-wait-type-override')).toBe('override');
    for (const lock of [
      'lab_srcu_srcu_usage.lock',
      '&ssp->srcu_sup->srcu_gp_mutex',
      '(console_sem).lock',
      '&rq->__lock',
      'anything_else',
    ])
      expect(nature(lock)).toBe('lock');
  });

  it('see through subclass and number suffixes of splats', () => {
    expect(lockNameRule('&rq->__lock/1').inner).toBe('raw');
    expect(lockNameRule('&sb->s_type->i_mutex_key#13/4').homonym).toBe(true);
  });

  it('find SRCU’s locks under their names of every kernel', () => {
    for (const name of [
      'rcu_tasks_trace_srcu_struct_srcu_usage.lock',
      '&ACCESS_PRIVATE(sdp, lock)',
      '&((sdp)->lock)',
      '&ACCESS_PRIVATE(ssp->srcu_sup, lock)',
    ])
      expect(SRCU_LOCK.test(name)).toBe(true);
    expect(SRCU_USAGE_LOCK.test('&ACCESS_PRIVATE(sdp, lock)')).toBe(false);
  });
});

describe('without lock events (D6.8)', () => {
  const call = (frames: string) => trace`
    lab-1 [001] d..2. 1.000001: call_srcu: (call_srcu+0x4/0x40) ssp=0xffffffffa0005500
    lab-1 [001] d..2. 1.000002: <stack trace>
    ${frames}
    <idle>-0 [001] d..2. 1.000003: sched_switch: prev_comm=lab prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120`;

  it('a call from a tracepoint’s probe runs under the locks that are held there', async () => {
    const replay = await replayText(
      call('=> call_srcu\n=> chain_probe\n=> __traceiter_sched_switch\n=> __schedule\n=> schedule'),
    );
    const [hazard] = ofKind(replay, 'deferral-hazard');
    expect(hazard).toMatchObject({
      api: 'call_srcu',
      held: ['&rq->__lock'],
      confidence: 'inferred',
      severity: 'info',
    });
    expect(hazard.title).toMatch(/kernel age unknown: a hazard before v7\.0/);
    expect(hazard.conflict).toMatch(/^srcu_usage\.lock → &pool->lock → &p->pi_lock → &rq->__lock/);
    expect(notesText(hazard)).toMatch(
      /no lock events: the locks held are those that sched_switch is known to fire under/,
    );
  });

  it('a call from elsewhere says nothing', async () => {
    const replay = await replayText(call('=> call_srcu\n=> lab_thread\n=> kthread'));
    expect(ofKind(replay, 'deferral-hazard')).toEqual([]);
  });
});
