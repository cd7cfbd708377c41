/** The grace-period kthread was runnable and got no CPU (R2.45). Often a victim of the same load as the stall (T33): the note names who ran. */
import { type Finding, formatDuration } from '../../../../schema/index.ts';
import { notesOf, threshold } from '../../core/note.ts';
import { percent } from '../../core/wording.ts';
import { GP_KTHREAD_STARVED_ERROR_NS, GP_KTHREAD_STARVED_NS } from '../../knowledge/thresholds.ts';
import type { KthreadStarvation } from '../../model/inferred/gp-kthread.ts';
import type { RunRecord } from '../../record/run-record.ts';
import type { Timeline } from '../../record/timeline.ts';
import { Attribution } from '../chain/blame.ts';
import { identified } from '../finding-id.ts';

export function detectGpKthreadStarvation(record: RunRecord): Finding[] {
  const { timeline } = record;
  return timeline.data.starvations
    .filter((starvation) => timeline.length(starvation) >= GP_KTHREAD_STARVED_NS)
    .map((starvation) => finding(timeline, starvation));
}

function finding(timeline: Timeline, starvation: KthreadStarvation): Finding {
  const chain = Attribution.ofStarvation(timeline, starvation);
  const { nmi, hardirq, softirq } = starvation.shares;
  const interrupts = nmi + hardirq + softirq;
  const endNs = timeline.end(starvation);
  const blockedNs = endNs - starvation.startNs;
  return identified({
    kind: 'gp-kthread-starved',
    severity: blockedNs >= GP_KTHREAD_STARVED_ERROR_NS ? 'error' : 'warning',
    confidence: 'observed',
    title: `${starvation.flavor} kthread runnable for ${formatDuration(blockedNs)} without a CPU (CPU ${starvation.cpu})`,
    start_ns: starvation.startNs,
    end_ns: endNs,
    evidence: chain.evidence,
    notes: notesOf([
      threshold('2.00 s (rcu_check_gp_kthread_starvation)'),
      ...(starvation.occupant ? [`${starvation.occupant} had CPU ${starvation.cpu}`] : []),
      ...(interrupts >= 0.3 ? [`interrupts took ${percent(interrupts)} of CPU ${starvation.cpu}`] : []),
    ]),
    flavor: starvation.flavor,
    blocked_ns: blockedNs,
    chain: chain.links,
    root: chain.root,
  });
}
