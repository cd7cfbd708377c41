/** How lock findings name tasks, sites and events. */
import type { Evidence } from '../../../../schema/index.ts';
import type { LockRecord } from '../../record/lock-record.ts';

/** `comm:tid`, the idle task as `<idle>/cpu`. */
export function taskLabel(evidence: Pick<LockRecord, 'dictionary'>, taskKey: number, comm: number): string {
  if (taskKey < 0) return `<idle>/${-1 - taskKey}`;
  return `${evidence.dictionary.string(comm) || '<...>'}:${taskKey}`;
}

/** Evidence of an event; none for event 0 (known from a report only). */
export function eventEvidence(event: number, role: string): Evidence[] {
  return event > 0 ? [{ event, role }] : [];
}

/** ` at foo()` when the stack of the acquisition is known. */
export function siteText(evidence: Pick<LockRecord, 'stacks'>, stack: number): string {
  const { site } = evidence.stacks.of(stack);
  return site ? ` at ${site}()` : '';
}

/** Names of held classes, each once; wait-type overrides and sequence counters are nothing that is held. */
export function heldNames(evidence: Pick<LockRecord, 'classes'>, classIds: readonly number[]): string[] {
  const held = classIds.map((classId) => evidence.classes[classId]);
  return [
    ...new Set(
      held.filter(({ rule }) => rule.nature !== 'override' && rule.nature !== 'seqcount').map((cls) => cls.name),
    ),
  ];
}
