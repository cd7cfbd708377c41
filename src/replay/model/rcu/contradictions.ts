/** Records of grace periods that do not fit what was recorded before: events are missing, or clocks of CPUs disagree (O3). */
import type { Contradiction } from './flavor.ts';
import type { GracePeriod } from './grace-period.ts';

const KEPT = 64;

export class Contradictions {
  /** The first ones. */
  readonly first: Contradiction[] = [];
  count = 0;

  add(gp: GracePeriod, { eventId }: { readonly eventId: number }, what: string): void {
    this.count++;
    if (this.first.length < KEPT) this.first.push({ gpSeq: gp.seq ?? 0, event: eventId, what });
  }
}
