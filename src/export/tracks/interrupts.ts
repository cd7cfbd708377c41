/** Interrupts on each CPU. */
import { LaneGroup, type Timeline, type TrackId } from '../timeline.ts';
import { factRows, type RunFacts } from './run-facts.ts';

export type InterruptKind = 'nmi' | 'hardirq' | 'softirq';

const TITLES: Readonly<Record<InterruptKind, string>> = { nmi: 'NMI', hardirq: 'hard interrupts', softirq: 'softirqs' };

/** Time that each CPU spends in interrupts of a kind, a slice per handler. */
export function writeInterrupts(facts: RunFacts, timeline: Timeline, group: TrackId, kind: InterruptKind): void {
  const cpus = new LaneGroup<number>(timeline, group, (cpu) => `CPU ${cpu} ${TITLES[kind]}`);
  const rows = factRows(facts, {
    columns: 'f.start_ns, f.end_ns, f.name',
    from: 'context_span AS f',
    where: `f.kind = '${kind}'`,
    cpu: 'f.cpu',
    asStored: true,
  });
  for (const [startNs, endNs, name, cpu] of rows)
    cpus.of(cpu as number).slice(startNs as number, endNs as number, name as string, {
      category: kind,
      args: { cpu },
    });
}
