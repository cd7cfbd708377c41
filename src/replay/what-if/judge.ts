/**
 * Judges a recording under a variant: operators rewrite copies of the timeline, the lock graph and the profile, the ordinary
 * detectors judge the copies, and what they find is compared with the baseline by finding id (X-R4). No verdict is stored
 * in a variant.
 */
import type { Finding, KernelProfile, WhatIfVariant } from '../../../schema/index.ts';
import { TIMELINE_DETECTORS } from '../detect/index.ts';
import type { SyncWait } from '../model/sync-wait.ts';
import type { Models } from '../models.ts';
import type { Timeline } from '../timeline.ts';
import type { World } from '../world.ts';
import { judgeLocksUnder, type LockRewrite } from './lock-operators.ts';
import type { Operator, Variant } from './operator.ts';
import { rewriteTimeline, type TimelineOperator } from './timeline-operators.ts';

/** A finished replay, as what-if needs it. */
export interface ReplayedRun {
  readonly world: World;
  readonly models: Models;
  readonly timeline: Timeline;
  /** Findings of the recording itself. */
  readonly baseline: readonly Finding[];
}

/** Judges one variant (or a combination: operators in order). */
export function judgeVariant(run: ReplayedRun, variant: Variant): WhatIfVariant {
  const { world, models } = run;
  let timeline = run.timeline;
  let selected = 0;
  const because: string[] = [];
  const lengths = new Map<SyncWait, readonly [number, number]>();
  const locks: LockRewrite = { drops: [], additions: [], waitTypes: [] };
  const profile: KernelProfile = { ...world.profile };

  for (const operator of variant.operators) {
    if (isTimelineOperator(operator)) {
      const rewrite = rewriteTimeline(timeline, operator);
      timeline = rewrite.timeline;
      selected += rewrite.selected;
      because.push(...rewrite.because);
      for (const [wait, range] of rewrite.lengths) lengths.set(wait, range);
    } else if (operator.op === 'set-profile') {
      // Unknown counts as no: a kernel that shows no sign of PREEMPT_RT is judged as one without.
      if ((profile[operator.field] ?? false) !== operator.value) {
        selected++;
        because.push(`rules are those of a kernel with ${operator.field} = ${operator.value}`);
        Object.assign(profile, { [operator.field]: operator.value });
      }
    } else if (operator.op === 'drop-edge') locks.drops.push(operator);
    else if (operator.op === 'add-edge') locks.additions.push(operator);
    else locks.waitTypes.push(operator);
  }
  const judged = judgeLocksUnder(world, models, locks, profile);
  selected += judged.selected;
  because.push(...judged.because);

  const rewritten: World = Object.create(world, { profile: { value: profile } }) as World;
  const after = [...judged.findings, ...TIMELINE_DETECTORS.flatMap((detect) => detect(rewritten, timeline))];
  return compare(run, variant, { after, selected, because, lengths });
}

function isTimelineOperator(operator: Operator): operator is TimelineOperator {
  return !['set-profile', 'drop-edge', 'add-edge', 'set-wait-type'].includes(operator.op);
}

interface Rejudged {
  readonly after: readonly Finding[];
  readonly selected: number;
  readonly because: readonly string[];
  readonly lengths: ReadonlyMap<SyncWait, readonly [number, number]>;
}

function compare(run: ReplayedRun, variant: Variant, rejudged: Rejudged): WhatIfVariant {
  const noOp = rejudged.selected === 0;
  const afterIds = new Set(rejudged.after.map((finding) => finding.id));
  const baselineIds = new Set(run.baseline.map((finding) => finding.id));
  const judgeable = new Set(rejudgedBaseline(run).map((finding) => finding.id));
  const cleared: string[] = [];
  const remains: string[] = [];
  for (const finding of run.baseline) {
    // What only the kernel reported has no events to rewrite: it stands as it is.
    const stays = noOp || afterIds.has(finding.id) || !judgeable.has(finding.id);
    (stays ? remains : cleared).push(finding.id);
  }
  const added = noOp ? [] : rejudged.after.filter((finding) => !baselineIds.has(finding.id));
  return {
    name: variant.name,
    title: variant.title,
    no_op: noOp,
    cleared,
    remains,
    new: added.filter((finding, i) => added.findIndex((other) => other.id === finding.id) === i),
    changed: changedWaits(run, remains, rejudged.lengths),
    because: rejudged.because,
  };
}

/** The baseline as the same detectors give it without any rewrite: X0. */
function rejudgedBaseline(run: ReplayedRun): readonly Finding[] {
  const locks = judgeLocksUnder(run.world, run.models, { drops: [], additions: [], waitTypes: [] }, run.world.profile);
  return [...locks.findings, ...TIMELINE_DETECTORS.flatMap((detect) => detect(run.world, run.timeline))];
}

function changedWaits(
  run: ReplayedRun,
  remains: readonly string[],
  lengths: ReadonlyMap<SyncWait, readonly [number, number]>,
): WhatIfVariant['changed'] {
  const changed: { id: string; blocked_ns: readonly [number, number] }[] = [];
  for (const [wait, range] of lengths) {
    const finding = run.baseline.find(
      (candidate) =>
        candidate.kind === 'blocked-sync' && candidate.tid === wait.tid && candidate.start_ns === wait.startNs,
    );
    if (finding?.kind !== 'blocked-sync' || !remains.includes(finding.id)) continue;
    const [min, max] = [Math.round(range[0]), Math.round(range[1])];
    if (min !== finding.blocked_ns || max !== finding.blocked_ns)
      changed.push({ id: finding.id, blocked_ns: [min, max] });
  }
  return changed;
}

/**
 * Variants by name, combined with `+`; a name that ends in `.json` is looked up among the files the caller has read.
 * @throws Error naming the unknown variant and the nearest known one.
 */
export function resolveVariant(name: string, known: readonly Variant[]): Variant {
  const parts = name.split('+').map((part) => {
    const found = known.find((variant) => variant.name === part);
    if (found) return found;
    const names = known.map((variant) => variant.name);
    const near = names.find((candidate) => candidate.includes(part) || part.includes(candidate));
    throw new Error(`unknown variant "${part}"${near ? `; did you mean "${near}"?` : ''} (known: ${names.join(', ')})`);
  });
  if (parts.length === 1) return parts[0];
  return {
    name,
    title: parts.map((part) => part.title).join('; '),
    operators: parts.flatMap((part) => part.operators),
  };
}
