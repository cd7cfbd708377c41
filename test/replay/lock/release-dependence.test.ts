import { describe, expect, it } from 'vitest';
import { notesText } from '../../support/notes.ts';
import { ofKind } from '../../support/replay-capture.ts';
import { type LockStep, type ProgramOptions, replayProgram, thread } from '../../support/replay-dsl.ts';

const USAGE = 'my_srcu_usage.lock';
const SDP = '&ACCESS_PRIVATE(sdp, lock)';
const RAW = { flags: 'd..2.' };
const UNKNOWN = 'kernel age unknown: a hazard before v7.0';

/** call_srcu() on its trylock path, under the run-queue lock. */
const CALL: readonly LockStep[] = ['+&rq->__lock', `?${SDP}`, `?${USAGE}`, `-${USAGE}`, `-${SDP}`, '-&rq->__lock'].map(
  (op) => ({
    tid: 1,
    op,
    ...RAW,
  }),
);
const hazards = async (steps: readonly LockStep[], options: ProgramOptions = {}) =>
  ofKind(await replayProgram(steps, options), 'deferral-hazard');

describe('a hazard that only kernels before v7.0 have', () => {
  it('is no alarm where the kernel’s age is unknown, and says so', async () => {
    const [finding, ...others] = await hazards(CALL);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ api: 'call_srcu', severity: 'info' });
    expect(finding.title).toContain(UNKNOWN);
    expect(notesText(finding)).toMatch(/INVALID_WAIT: .*kernel age unknown/);
  });

  it('is an alarm on a kernel before v7.0, and nothing from v7.0 on', async () => {
    const [old] = await hazards(CALL, { profile: { release: '6.18.0' } });
    expect(old.severity).toBe('warning');
    expect(old.title).not.toContain(UNKNOWN);
    expect(await hazards(CALL, { profile: { release: '7.1.5' } })).toEqual([]);
  });

  it('is an alarm where the recording shows the order itself, of whatever age', async () => {
    const way = [
      ...thread(2, `+${USAGE} +&pool->lock -&pool->lock -${USAGE}`, RAW),
      ...thread(2, '+&pool->lock +&p->pi_lock +&rq->__lock -&rq->__lock -&p->pi_lock -&pool->lock', RAW),
    ];
    const [finding] = await hazards([...way, ...CALL]);
    expect(finding).toMatchObject({ severity: 'warning', confidence: 'observed' });
    expect(finding.title).not.toContain(UNKNOWN);
  });

  it('a latent wait context of an SRCU lock says so, too', async () => {
    const steps = thread(1, `+&rq->__lock +${USAGE} -${USAGE} -&rq->__lock`, RAW);
    const of = async (options: ProgramOptions = {}) =>
      ofKind(await replayProgram(steps, options), 'wait-context').find((found) => found.locks.includes(USAGE));
    expect(await of()).toMatchObject({ severity: 'info', title: expect.stringContaining(`(latent; ${UNKNOWN})`) });
    const old = await of({ profile: { release: '6.12.1' } });
    expect(old?.title).toMatch(/\(latent\)$/);
    expect(await of({ profile: { release: '7.1.5' } })).toBeUndefined();
  });
});
