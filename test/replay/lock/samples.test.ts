import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { notesText } from '../../support/notes.ts';
import { type CaptureReplay, ofKind, replayFile } from '../../support/replay-capture.ts';
import { edgesOf } from '../../support/replay-dsl.ts';

const sample = (name: string): string => new URL(`../../../samples/${name}`, import.meta.url).pathname;
const LOCK_KINDS: readonly Finding['kind'][] = [
  'lock-inversion',
  'lock-recursion',
  'irq-lock-state',
  'irq-lock-order',
  'wait-context',
  'sleep-in-atomic',
  'deferral-hazard',
  'deadlock',
];
const verdicts = (replay: CaptureReplay): string[] =>
  replay.findings
    .filter((finding) => LOCK_KINDS.includes(finding.kind))
    .map((finding) =>
      `${finding.severity} ${finding.kind} ${'locks' in finding ? finding.locks.join(' ') : ''}`.trim(),
    );
const CYCLE = ['lab_srcu_srcu_usage.lock', '&pool->lock', '&p->pi_lock', '&rq->__lock'];

describe.each(['lock-cycle.trace.txt.zst', 'lock-cycle.perf-script.txt.zst'])('case B, bug 2 (samples/%s)', (file) => {
  let replay: CaptureReplay;
  beforeAll(async () => {
    replay = await replayFile(sample(file));
  });

  it('is the cycle of four that lockdep reports, and no other', () => {
    expect(ofKind(replay, 'lock-inversion')).toMatchObject([
      { locks: CYCLE, severity: 'error', confidence: 'observed', feasible: 'yes' },
    ]);
  });

  it('O35: has every edge of the kernel’s own chain', () => {
    const edges = edgesOf(replay);
    for (let i = 0; i < CYCLE.length; i++) expect(edges).toContain(`${CYCLE[i]}→${CYCLE[(i + 1) % CYCLE.length]}`);
  });

  it('has bug 1 in it as well, latent on this kernel', () => {
    expect(ofKind(replay, 'wait-context').map((finding) => [finding.locks[0], finding.severity])).toEqual([
      ['lab_srcu_srcu_usage.lock', 'info'],
      ['&ACCESS_PRIVATE(sdp, lock)', 'info'],
    ]);
  });

  it('comes from call_srcu() under the run-queue lock', () => {
    expect(ofKind(replay, 'deferral-hazard')).toMatchObject([{ api: 'call_srcu', held: ['&rq->__lock'] }]);
  });

  it('ends with nothing held but what the recorder itself holds', () => {
    const held = replay.engine.models.locks.allHeld().filter((holder) => !holder.pseudo);
    expect(held.every((holder) => holder.tid > 0)).toBe(true);
    expect(held.length).toBeLessThan(8);
  });
});

describe('case B, fixed by irq_work (samples/lock-cycle-fixed)', () => {
  it('is clean', async () => {
    expect(verdicts(await replayFile(sample('lock-cycle-fixed.trace.txt.zst')))).toEqual([]);
  });
});

describe('case B, bug 1 (samples/wait-context-rt)', () => {
  let replay: CaptureReplay;
  beforeAll(async () => {
    replay = await replayFile(sample('wait-context-rt.trace.txt.zst'));
  });

  it('proves PREEMPT_RT from the trace alone', () => {
    expect(replay.profile.rt).toBe(true);
  });

  it('finds both SRCU locks taken under the raw run-queue lock, and says that they would sleep', () => {
    expect(ofKind(replay, 'wait-context').map((finding) => [finding.locks[0], finding.held, finding.severity])).toEqual(
      [
        ['lab_srcu_srcu_usage.lock', ['&rq->__lock'], 'error'],
        ['&((sdp)->lock)', ['&rq->__lock'], 'error'],
      ],
    );
    expect(new Set(ofKind(replay, 'sleep-in-atomic').map((finding) => finding.task))).toEqual(new Set(['lab_chain']));
  });

  it('says that lockdep shows the wait context and hides the rest', () => {
    expect(notesText(ofKind(replay, 'wait-context')[0])).toMatch(
      /lockdep would report this one first \(“\[ BUG: Invalid wait context \]”\)/,
    );
  });

  it('warns of the cycle that this capture does not show: call_srcu() may queue work under its lock', () => {
    const [hazard] = ofKind(replay, 'deferral-hazard');
    expect(hazard).toMatchObject({ api: 'call_srcu', severity: 'warning', confidence: 'inferred' });
    expect(hazard.conflict).toMatch(/static: &pool->lock/);
  });
});

describe('a healthy system (samples/healthy)', () => {
  it('has no lock finding', async () => {
    expect(verdicts(await replayFile(sample('healthy.trace.txt.zst')))).toEqual([]);
  });
});
