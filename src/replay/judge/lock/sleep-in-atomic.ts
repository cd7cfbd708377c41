/**
 * Sleeping in atomic context (MODEL 5.9, D6.5): a task switched out to sleep with preemption disabled, or called a sleeping lock
 * function under a spinning lock ("BUG: scheduling while atomic", "BUG: sleeping function called from invalid context").
 */
import type { Finding } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';
import type { AtomicSleep } from '../../model/lock/context/sleep.ts';
import type { LockRecord } from '../../record/lock-record.ts';
import { identified } from '../finding-id.ts';
import { eventEvidence, heldNames, siteText, taskLabel } from './evidence.ts';
import { kindEvidence } from './proof.ts';
import { type WaitViolation, waitViolations } from './wait-context.ts';

export function judgeAtomicSleeps(evidence: LockRecord): Finding[] {
  const findings = [
    ...evidence.sleeps.map((sleep) => scheduled(evidence, sleep)),
    ...waitViolations(evidence)
      .filter((violation) => sleepsUnder(evidence, violation))
      .map((violation) => called(evidence, violation)),
  ];
  const seen = new Set<string>();
  return findings.filter((finding) => !seen.has(finding.id) && seen.add(finding.id));
}

/** A sleeping lock under a spinning one. RCU readers have a checker of their own; a spinlock sleeps on PREEMPT_RT only. */
function sleepsUnder(evidence: LockRecord, violation: WaitViolation): boolean {
  if (!violation.real || !violation.certain || !violation.held?.isLock) return false;
  // __might_resched() does not look at idle tasks, which is what runs until the scheduler does.
  if (violation.at.taskKey < 0) return false;
  const rt = evidence.profile.rt === true;
  const sleeping = violation.acquiredType.outer === 'sleep' || (rt && violation.acquiredType.outer === 'config');
  const spinning = violation.limit.inner === 'raw' || (!rt && violation.limit.inner === 'config');
  return sleeping && spinning;
}

function comm(evidence: LockRecord, taskKey: number, id: number): { task: string; tid?: number } {
  return taskKey < 0
    ? { task: `<idle>/${-1 - taskKey}` }
    : { task: evidence.dictionary.string(id) || '<...>', tid: taskKey };
}

function scheduled(evidence: LockRecord, sleep: AtomicSleep): Finding {
  const held = heldNames(
    evidence,
    sleep.held.map((entry) => entry.classId),
  );
  const who = comm(evidence, sleep.taskKey, sleep.comm);
  const label = taskLabel(evidence, sleep.taskKey, sleep.comm);
  const proved = sleep.preemptDepth > 0;
  return identified({
    kind: 'sleep-in-atomic',
    severity: proved ? 'error' : 'warning',
    confidence: proved ? 'observed' : 'inferred',
    title: `${label} goes to sleep in atomic context, holding ${held.join(', ')}`,
    start_ns: sleep.tsNs,
    end_ns: sleep.tsNs,
    evidence: [
      ...sleep.held.flatMap((entry) =>
        eventEvidence(entry.eventId, `${label} acquires ${evidence.classes[entry.classId].name}`),
      ),
      ...eventEvidence(sleep.eventId, `${label} switches out to sleep${siteText(evidence, sleep.stack)}`),
    ],
    notes: notesOf([
      proved
        ? `preemption depth ${sleep.preemptDepth} at the switch; the scheduler itself accounts for 2 (“BUG: scheduling while atomic”)`
        : 'the capture has no preemption depth: judged by the type of the locks held',
      note(`&rq->__lock is left out: it is handed over by the switch`, 'L5.17'),
      ...(sleep.count > 1 ? [`${sleep.count} times`] : []),
    ]),
    ...who,
    held,
    call: 'schedule',
  });
}

function called(evidence: LockRecord, violation: WaitViolation): Finding {
  const { at, acquired } = violation;
  const spinning = (violation.held as NonNullable<typeof violation.held>).name;
  const held = [...new Set([...heldNames(evidence, at.heldClasses), spinning])];
  const who = comm(evidence, at.taskKey, at.comm);
  const label = taskLabel(evidence, at.taskKey, at.comm);
  return identified({
    kind: 'sleep-in-atomic',
    severity: 'error',
    confidence: 'observed',
    title: `${label} calls for ${acquired.name}, which may sleep, under ${spinning}`,
    start_ns: at.tsNs,
    end_ns: at.tsNs,
    evidence: [
      ...eventEvidence(
        (violation.nesting.atomic ?? violation.nesting.first).heldEvent,
        `${label} acquires ${spinning}`,
      ),
      ...eventEvidence(at.eventId, `${label} acquires ${acquired.name}${siteText(evidence, at.stack)}`),
      ...[acquired, ...(violation.held ? [violation.held] : [])].flatMap((cls) => kindEvidence(evidence, cls)),
    ],
    notes: notesOf([
      note(
        `the kernel says “BUG: sleeping function called from invalid context”${evidence.profile.rt ? ': on PREEMPT_RT a spinlock_t sleeps' : ''}`,
        'D6.5',
      ),
    ]),
    ...who,
    held,
    call: acquired.name,
    forbidden_by: [spinning],
  });
}
