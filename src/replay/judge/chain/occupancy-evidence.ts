/** What took the time of a CPU, as evidence: its records, and how its interrupts are known. */
import { RECORDED_FROM_HERE } from '../../../../schema/index.ts';
import type { EvidenceList } from '../../core/evidence-list.ts';
import { OCCUPANCY_EVENTS } from '../../knowledge/interrupt-events.ts';
import type { Timeline } from '../../record/timeline.ts';

/** @param from first event, @param to last event of what the CPU did */
export function citeCpuTime(evidence: EvidenceList, timeline: Timeline, cpu: number, from: number, to: number): void {
  const { interruptEvents, fromRecords } = timeline.data.visible;
  for (const [kind, event] of interruptEvents) evidence.cite(event, `${kind} time ${RECORDED_FROM_HERE}`);
  // Where contexts of records or samples tell, any record of the CPU may have.
  const filter = fromRecords ? { cpu } : { events: OCCUPANCY_EVENTS, cpu };
  evidence.range(from, to, filter, `what CPU ${cpu} did`);
}
