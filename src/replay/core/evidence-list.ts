/**
 * Evidence of a finding under construction: single events that people should look at, and ranges that make it complete (O26). Ranges of
 * the same kind are one range, so the list is bounded by CPUs and tasks, not by events.
 */
import type { Evidence, EvidenceRange } from '../../../schema/index.ts';

type Scope = Omit<EvidenceRange, 'to'>;

interface RangeDraft {
  from: number;
  to: number;
  readonly scope: Scope;
  readonly role: string;
}

export class EvidenceList {
  readonly #events = new Map<number, string>();
  readonly #ranges = new Map<string, RangeDraft>();

  /** Ignores event 0: it was not recorded. The first role of an event stays. */
  cite(event: number, role: string): void {
    if (event > 0 && !this.#events.has(event)) this.#events.set(event, role);
  }

  /** All events of that scope from `from` to `to`. */
  range(from: number, to: number, scope: Scope, role: string): void {
    if (to <= 0) return;
    const start = Math.max(1, from);
    const key = `${scope.events?.join() ?? '*'} ${scope.cpu ?? ''} ${scope.tid ?? ''}`;
    const draft = this.#ranges.get(key);
    if (draft) {
      draft.from = Math.min(draft.from, start);
      draft.to = Math.max(draft.to, to);
    } else if (to >= start) this.#ranges.set(key, { from: start, to, scope, role });
  }

  /** By event; ranges after the single events that begin where they do. */
  list(): Evidence[] {
    const single = [...this.#events].map(([event, role]): Evidence & { event: number } => ({ event, role }));
    const ranges = [...this.#ranges.values()].map(({ from, to, scope, role }): Evidence & { event: number } => ({
      event: from,
      role,
      range: { to, ...scope },
    }));
    return [...single, ...ranges].sort((a, b) => a.event - b.event);
  }
}

/** Two lists as one, by event; an event that both cite once is cited as the first says. */
export function mergeEvidence(first: readonly Evidence[], second: readonly Evidence[]): Evidence[] {
  const cited = new Set(first.flatMap((item) => ('event' in item && !item.range ? [item.event] : [])));
  const more = second.filter((item) => !('event' in item) || item.range || !cited.has(item.event));
  const place = (item: Evidence): number => ('event' in item ? item.event : 0);
  return [...first, ...more].sort((a, b) => place(a) - place(b));
}
