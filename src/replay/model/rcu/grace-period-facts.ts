/** Facts and samples of a grace period that is over, or open at the end of the capture. */

import type { Visibility } from '../../core/visibility.ts';
import { splitLabel } from '../../core/wording.ts';
import type { World } from '../../core/world.ts';
import { gracePeriodFloorNs } from '../../knowledge/collection-floors.ts';
import { OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ } from '../cpu/cpu.ts';
import { type GracePeriod, type Holdout, lastHoldouts } from './grace-period.ts';
import { SHORTEST_BLOCKER_NS } from './holdout/accounting.ts';
import { judgeHoldout } from './holdout/verdict.ts';

export function emitGracePeriod(world: World, gp: GracePeriod, visible: Visibility): void {
  const metric = gp.expedited ? 'rcu-gp-expedited' : 'rcu-gp';
  if (gp.endNs === null) world.facts.openSample(metric, gp.flavor);
  else if (gp.seq !== null) world.facts.sample(metric, gp.flavor, gp.endNs - gp.startNs);
  for (const holdout of gp.holdouts) emitBlocker(world, gp, holdout, visible);
  world.facts.gracePeriod({
    flavor: gp.flavor,
    gpSeq: gp.seq === null ? null : String(gp.seq),
    expedited: gp.expedited,
    requestNs: gp.requestNs,
    startNs: gp.startNs,
    initDoneNs: gp.initDoneNs,
    lastReportNs: gp.lastReportNs,
    endNs: gp.endNs,
    confidence: gp.endInferred ? 'inferred' : 'observed',
    holdouts: lastHoldouts(gp)
      .map((holdout) => holdout.name)
      .join(' '),
  });
}

/** Ordinary quiescent-state delays are no facts worth a row. */
function emitBlocker(world: World, gp: GracePeriod, holdout: Holdout, visible: Visibility): void {
  const endNs = holdout.toNs ?? world.nowNs;
  if (endNs - holdout.fromNs < SHORTEST_BLOCKER_NS) return;
  const spent = (kind: number): number =>
    Math.round((holdout.occupancyTo?.[kind] ?? holdout.occupancyFrom[kind]) - holdout.occupancyFrom[kind]);
  world.facts.rcuBlocker({
    flavor: gp.flavor,
    gpSeq: gp.seq === null ? null : String(gp.seq),
    cpu: holdout.cpu,
    tid: holdout.kind === 'reader' ? holdout.tid : null,
    comm: holdout.kind === 'reader' ? splitLabel(holdout.name).task : null,
    startNs: holdout.fromNs,
    endNs: holdout.toNs,
    nmiNs: spent(OCC_NMI),
    hardirqNs: spent(OCC_HARDIRQ),
    softirqNs: spent(OCC_SOFTIRQ),
    // Every grace period waits for somebody: that alone is no fault of theirs.
    cause: endNs - holdout.fromNs < gracePeriodFloorNs(world.thresholds) ? null : judgeHoldout(holdout, visible).cause,
  });
}
