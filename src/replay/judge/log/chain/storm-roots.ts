/** Storms of interrupts as links of chains. */
import type { RootKind } from '../../../../../schema/index.ts';
import { type RuledEdge, WAITS_FOR } from '../../../knowledge/waits-for.ts';

/** What takes the time of a CPU, by the cause of a stall. */
export const STORMS: Partial<Record<RootKind, { readonly edge: RuledEdge; readonly name: string }>> = {
  'nmi-storm': { edge: WAITS_FOR.nmis, name: 'NMIs' },
  'irq-storm': { edge: WAITS_FOR.hardirqs, name: 'hard interrupts' },
  'softirq-storm': { edge: WAITS_FOR.softirqs, name: 'softirqs' },
};
