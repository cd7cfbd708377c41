/** NMI, hardirq and softirq storms (MODEL 1.5, 2.7): a CPU that spends most of a second or more in interrupts. */
import type { Finding } from '../../../schema/index.ts';
import { findingId } from '../finding-id.ts';
import type { Storm } from '../model/interrupt-load.ts';
import type { Timeline } from '../timeline.ts';
import { percent, seconds } from '../wording.ts';
import type { World } from '../world.ts';

const KINDS = { nmi: 'nmi-storm', hardirq: 'irq-storm', softirq: 'softirq-storm' } as const;
const NAMES = { nmi: 'NMIs', hardirq: 'interrupts', softirq: 'softirqs' } as const;

export function detectInterruptStorms(world: World, timeline: Timeline): Finding[] {
  return timeline.data.storms.map((storm) => finding(world, timeline, storm));
}

function finding(world: World, timeline: Timeline, storm: Storm): Finding {
  const kind = KINDS[storm.kind];
  const lengthNs = storm.endNs - storm.startNs;
  const share = Math.min(1, storm.busyNs / lengthNs);
  // Alone, a busy CPU is a fact; with a grace period that waits for it, it is the fault.
  const stalls = timeline
    .periodsLongerThan(1e9)
    .some((gp) =>
      gp.holdouts.some(
        (h) =>
          h.cpu === storm.cpu &&
          h.fromNs < storm.endNs &&
          (h.toNs ?? timeline.data.endNs) > storm.startNs &&
          (h.toNs ?? timeline.data.endNs) - h.fromNs > 1e9,
      ),
    );
  return {
    kind,
    id: findingId(kind, storm.cpu),
    severity: storm.kind === 'nmi' && stalls ? 'error' : 'warning',
    confidence: 'observed',
    title: `${NAMES[storm.kind]} took ${percent(share)} of CPU ${storm.cpu} for ${seconds(lengthNs)}: ${storm.count} handlers, the longest ${seconds(storm.maxNs)}`,
    start_ns: storm.startNs,
    end_ns: storm.endNs,
    evidence: [
      { event: storm.firstEvent, role: 'first handler of the storm' },
      { event: storm.lastEvent, role: 'last handler of the storm' },
    ],
    notes: [
      `threshold ${percent(world.thresholds.nmiStormShare)} of a CPU over ${seconds(world.thresholds.nmiStormWindowNs)}`,
      ...(stalls ? ['a grace period waited for this CPU meanwhile'] : []),
    ],
    cpu: storm.cpu,
    share,
    count: storm.count,
    max_ns: storm.maxNs,
  };
}
