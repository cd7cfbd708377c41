/**
 * Locks of one class held together (MODEL L5.29). One address twice is a recursion that addresses prove, as soon as it is asked for. Two
 * addresses are what lockdep calls possible recursive locking, unless an annotation that events do not carry makes it legal: information.
 */
import type { Evidence, Finding } from '../../../../../schema/index.ts';
import { note, notesOf } from '../../../core/note.ts';
import { PERSISTS_NS } from '../../../knowledge/thresholds.ts';
import type { LockClass } from '../../../model/lock/class.ts';
import type { SameClassNesting } from '../../../model/lock/order/same-class.ts';
import type { LockRecord } from '../../../record/lock-record.ts';
import { identified } from '../../finding-id.ts';
import { eventEvidence, siteText, taskLabel } from '../evidence.ts';
import { ASSUMED_READERS, readTypeOf } from './read-type.ts';

export function judgeRecursions(evidence: LockRecord): Finding[] {
  const findings = evidence.sameClass.flatMap((nesting): Finding[] => {
    const cls = evidence.classes[nesting.classId];
    if (nesting.proof === 'refuted' || !cls.checked || cls.rule.nature === 'override') return [];
    if (nesting.readers !== 'none') {
      const type = readTypeOf(evidence, cls);
      if (type === 'recursive' || (nesting.readers === 'recursive' && type !== 'fair')) return [];
    }
    if (nesting.sameInstance) return [sameAddress(evidence, cls, nesting)];
    return cls.rule.nests || !cls.isLock ? [] : [twoAddresses(evidence, cls, nesting)];
  });
  // The most certain one of a class says it all.
  const rank = { error: 0, warning: 1, info: 2 };
  const best = new Map<string, Finding>();
  for (const finding of findings) {
    const known = best.get(finding.id);
    if (known === undefined || rank[finding.severity] < rank[known.severity]) best.set(finding.id, finding);
  }
  return [...best.values()];
}

function sameAddress(evidence: LockRecord, cls: LockClass, nesting: SameClassNesting): Finding {
  const task = taskLabel(evidence, nesting.taskKey, nesting.comm);
  const blocks = cls.isLock && nesting.readers === 'none';
  const assumed = nesting.readers !== 'none' && readTypeOf(evidence, cls) === 'assumed';
  // A lock keeps its own owner out: nothing but the end of the recording comes after. Maps and readers go on and are released twice.
  const proved = blocks
    ? evidence.lockStat || evidence.endNs - nesting.tsNs >= PERSISTS_NS
    : nesting.proof === 'released-twice';
  const certain = proved && !assumed;
  const again = blocks ? 'again and never gets it' : 'again';
  return identified({
    ...common(evidence, cls, nesting, `${task} acquires the same ${cls.name} ${again}`),
    severity: certain ? 'error' : 'warning',
    confidence: certain ? 'observed' : 'inferred',
    title: blocks
      ? `${task} waits for ${cls.name}, which it holds itself`
      : `${task} acquires ${cls.name}, which it holds already`,
    end_ns: blocks ? evidence.endNs : nesting.tsNs,
    notes: notesOf([
      note(
        blocks
          ? 'same address, no release in between, and no sign that it was ever obtained'
          : nesting.readers === 'none'
            ? 'same address, no release in between; nobody waits for a lockdep map, but code that can come here twice can take real locks twice'
            : 'same address, both for reading: a writer that comes in between waits for the first and keeps the second out',
        'L5.29',
      ),
      ...(proved
        ? []
        : [
            blocks
              ? 'without lock_acquired events (LOCK_STAT) and so near the end of the recording it may yet get it'
              : 'fewer than two releases follow: the release of the first one may be missing from the recording',
          ]),
      ...(assumed ? [ASSUMED_READERS] : []),
      ...times(nesting),
    ]),
  });
}

function twoAddresses(evidence: LockRecord, cls: LockClass, nesting: SameClassNesting): Finding {
  const task = taskLabel(evidence, nesting.taskKey, nesting.comm);
  return identified({
    ...common(evidence, cls, nesting, `${task} acquires another ${cls.name}`),
    severity: 'info',
    confidence: 'inferred',
    title: `${task} acquires ${cls.name} while it holds another one: fine only with a subclass, which no event shows`,
    end_ns: nesting.tsNs,
    notes: notesOf([
      note(
        `two addresses of one name; lockdep reports possible recursive locking unless mutex_lock_nested(), spin_lock_nested() or a nest_lock tells them apart${cls.rule.homonym ? '; unrelated locks carry this name' : ''}`,
        'L5.29',
      ),
      ...(nesting.readers !== 'none' && readTypeOf(evidence, cls) === 'assumed' ? [ASSUMED_READERS] : []),
      ...times(nesting),
    ]),
  });
}

function common(evidence: LockRecord, cls: LockClass, nesting: SameClassNesting, role: string) {
  const task = taskLabel(evidence, nesting.taskKey, nesting.comm);
  const cited: Evidence[] = [
    ...eventEvidence(nesting.heldEvent, `${task} acquires ${cls.name}`),
    ...eventEvidence(nesting.acquireEvent, `${role}${siteText(evidence, nesting.stack)}`),
  ];
  return {
    kind: 'lock-recursion' as const,
    start_ns: nesting.tsNs,
    evidence: cited,
    locks: [cls.name],
  };
}

const times = ({ count }: SameClassNesting): string[] => (count > 1 ? [`seen ${count}×`] : []);
