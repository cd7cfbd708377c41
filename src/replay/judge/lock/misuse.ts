/** Locks released, or left behind, against their rules (MODEL L5.22, L5.23); lockdep.c print_unlock_imbalance_bug and related reports. */

import type { Finding } from '../../../../schema/index.ts';
import { note, notesOf } from '../../core/note.ts';
import { type LockClass, WAIT_SLEEP_FRAME } from '../../model/lock/class.ts';
import type { LockMisuseRecord } from '../../model/lock/misuse.ts';
import type { LockRecord } from '../../record/lock-record.ts';
import { identified } from '../finding-id.ts';
import { eventEvidence, taskLabel } from './evidence.ts';

export function judgeMisuses(evidence: LockRecord): Finding[] {
  const findings = evidence.misuses
    .filter(({ misuse, classId }) => misuse === 'unbalanced-unlock' || isOwned(evidence, evidence.classes[classId]))
    .map((record) => finding(evidence, record));
  const seen = new Set<string>();
  return findings.filter(({ id }) => !seen.has(id) && seen.add(id));
}

/** Where lock_acquired is recorded, what never says it may be a lockdep map, whatever its name (rt_mutexes never do either). */
function isOwned({ lockStat }: LockRecord, cls: LockClass): boolean {
  return !lockStat || (cls.evidence & WAIT_SLEEP_FRAME) !== 0 || cls.acquiredEvents + cls.contended > 0;
}

function finding(evidence: LockRecord, record: LockMisuseRecord): Finding {
  const { name } = evidence.classes[record.classId];
  const label = taskLabel(evidence, record.taskKey, record.comm);
  const [title, earlier, now, why, rule] = texts(record, label, name);
  return identified({
    kind: 'lock-misuse',
    severity: 'error',
    confidence: 'observed',
    title,
    start_ns: record.tsNs,
    end_ns: record.tsNs,
    evidence: [...eventEvidence(record.earlierEvent, earlier), ...eventEvidence(record.eventId, now)],
    notes: notesOf([note(why, rule), ...(record.count > 1 ? [`${record.count} times`] : [])]),
    locks: [name],
    misuse: record.misuse,
    task: evidence.dictionary.string(record.comm) || '<...>',
    ...(record.taskKey > 0 && { tid: record.taskKey }),
  });
}

function texts(
  { misuse }: LockMisuseRecord,
  task: string,
  lock: string,
): [title: string, earlier: string, now: string, why: string, rule: string] {
  switch (misuse) {
    case 'unbalanced-unlock':
      return [
        `${task} releases ${lock}, which it has released already`,
        `${task} releases ${lock}`,
        `${task} releases the same ${lock} again`,
        'same address, no acquisition in between by any task of the recording, and nothing lost: bad unlock balance',
        'L5.22',
      ];
    case 'held-at-exit':
      return [
        `${task} exits holding ${lock}`,
        `${task} acquires ${lock}`,
        `${task} leaves its CPU for good`,
        'no task can release it any more: the next waiter waits forever',
        'L5.23',
      ];
    case 'leaked-by-work':
      return [
        `a work item of ${task} returns with ${lock} held`,
        `${task} acquires ${lock}`,
        `${task} has run the work item`,
        'the worker starts the next item with the lock still held (process_one_work)',
        'L5.23',
      ];
    default:
      return [
        `${task} returns to user mode with ${lock} held`,
        `${task} acquires ${lock}`,
        `${task} leaves the system call`,
        'lockdep_sys_exit: a lock does not outlive the system call that took it',
        'L5.23',
      ];
  }
}
