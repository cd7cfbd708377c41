/**
 * What makes the evidence of a lock finding complete: replayed alone it gives the finding again (MODEL O26). Beside the acquisitions
 * that people look at, that needs the releases between them and whatever proved of what kind the locks are.
 */
import type { Evidence, Finding } from '../../../../schema/index.ts';
import {
  type LockClass,
  WAIT_MUTEX,
  WAIT_PREEMPTIBLE,
  WAIT_RT_INNER,
  WAIT_RT_SPIN,
  WAIT_SLEEP_FRAME,
  WAIT_SLEPT,
  WAIT_SPIN_FRAME,
} from '../../model/lock/class.ts';
import type { LockRecord } from '../../record/lock-record.ts';

/** Records between an event and its stack: those of other CPUs, at most. */
const STACK_WITHIN = 16;

const PROOFS: readonly (readonly [bit: number, text: string])[] = [
  [WAIT_RT_SPIN, 'is taken by rt_spin_lock()'],
  [WAIT_SPIN_FRAME, 'is taken by a spinlock function'],
  [WAIT_SLEEP_FRAME, 'is taken by a sleeping lock function'],
  [WAIT_MUTEX, 'is a mutex, as contention_begin says'],
  [WAIT_RT_INNER, 'is taken around its wait_lock, as a spinlock_t of PREEMPT_RT is'],
  [WAIT_SLEPT, 'is slept for'],
  [WAIT_PREEMPTIBLE, 'is taken with preemption and interrupts on'],
];
const FRAME_BITS = WAIT_RT_SPIN | WAIT_SPIN_FRAME | WAIT_SLEEP_FRAME;

/** The events that showed of what kind a lock is (L5.36); none where its name or a report tells. */
export function kindEvidence(evidence: Pick<LockRecord, 'dictionary'>, cls: LockClass): Evidence[] {
  return PROOFS.flatMap(([bit, text]) => {
    const event = cls.evidenceEvent.get(bit);
    if (event === undefined || event <= 0) return [];
    const role = `shows that ${cls.name} ${text}`;
    return [{ event, role }, ...(bit & FRAME_BITS ? stackEvidence(evidence, event) : [])];
  });
}

/** The record with the stack of an event, where stacks are records of their own (E0.8). */
export function stackEvidence({ dictionary }: Pick<LockRecord, 'dictionary'>, event: number): Evidence[] {
  if (event <= 0 || !dictionary.types.some(({ name }) => name === 'kernel_stack')) return [];
  return [{ event, role: 'its stack', range: { to: event + STACK_WITHIN, events: ['kernel_stack'] } }];
}

/**
 * Adds the releases between the acquisitions of a finding: without them, what was held in one situation is held in the next. An event that is
 * cited for two reasons is listed once, for the first.
 */
export function withReleases(finding: Finding): Finding {
  const cited = new Set<number>();
  const evidence = finding.evidence.filter((item) => {
    if (!('event' in item) || item.range) return true;
    const first = !cited.has(item.event);
    cited.add(item.event);
    return first;
  });
  if (cited.size < 3) return { ...finding, evidence };
  const event = Math.min(...cited);
  const to = Math.max(...cited);
  const releases: Evidence = { event, role: 'releases in between', range: { to, events: ['lock_release'] } };
  return { ...finding, evidence: [...evidence, releases] };
}
