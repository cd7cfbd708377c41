/** rcu_stall_warning: the tracepoint is compiled into every kernel (E1.0), so it may be all that is recorded of a grace period. */
import type { EventCursor } from '../../../../schema/index.ts';

export interface StallWarning {
  readonly flavor: string;
  readonly how: 'self' | 'other' | 'expedited';
  readonly ns: number;
  readonly event: number;
  /** CPU that warned. */
  readonly cpu: number;
}

const HOW: Readonly<Record<string, StallWarning['how']>> = {
  SelfDetected: 'self',
  StallDetected: 'other',
  ExpeditedStall: 'expedited',
};

/** @param how text of the event; unknown ones are no warning */
export function readWarning(flavor: string, how: string, event: EventCursor): StallWarning | undefined {
  const kind = HOW[how];
  return kind && { flavor, how: kind, ns: event.tsNs, event: event.eventId, cpu: event.cpu };
}
