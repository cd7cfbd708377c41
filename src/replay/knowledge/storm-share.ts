/** From which share of a CPU on interrupts are a storm. */
import type { Thresholds } from '../../../schema/index.ts';

/** The share of a CPU from which interrupts of a kind are a storm. */
export function stormShare(thresholds: Thresholds, kind: 'nmi' | 'hardirq' | 'softirq'): number {
  if (kind === 'hardirq') return thresholds.irqStormShare ?? thresholds.nmiStormShare;
  return (kind === 'softirq' ? thresholds.softirqStormShare : undefined) ?? thresholds.nmiStormShare;
}
