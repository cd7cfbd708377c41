/**
 * Judges a recording under a variant: operators rewrite copies of the timeline, the lock graph, the kernel's reports and the profile,
 * the ordinary detectors judge the copies, and what they find is compared with the baseline (X-R4). No verdict is stored in a variant.
 */
import { type Finding, type KernelProfile, rowOf, thingOf, type WhatIfVariant } from '../../../schema/index.ts';
import type { World } from '../core/world.ts';
import { combineFindings, TIMELINE_DETECTORS } from '../judge/index.ts';
import { judgeLocks } from '../judge/lock/index.ts';
import { noteMasking } from '../judge/lock/masking.ts';
import { detectLog } from '../judge/log/index.ts';
import { isSameThing } from '../judge/merge.ts';
import type { SyncWait } from '../model/sync/sync-wait.ts';
import type { Models } from '../models.ts';
import type { Timeline } from '../record/timeline.ts';
import { isDroppedAt, lockRewrite, rewriteLocks, rewritesLocks } from './lock-operators.ts';
import type { Operator, Variant } from './operator.ts';
import { rewriteReports } from './report-operators.ts';
import { rewriteTimeline, type TimelineOperator } from './timeline-operators.ts';
import { withoutLoads } from './without-load.ts';

/** A finished replay, as what-if needs it. */
export interface ReplayedRun {
  readonly world: World;
  readonly models: Models;
  readonly timeline: Timeline;
  /** Findings of the recording itself. */
  readonly baseline: readonly Finding[];
}

/** Findings by what they rest on. */
interface Judged {
  readonly locks: readonly Finding[];
  readonly timeline: readonly Finding[];
  /** From the kernel log. */
  readonly log: readonly Finding[];
}

/** Everything that the operators of a variant did, and what is found then. */
interface Rejudged extends Judged {
  readonly selected: number;
  readonly because: readonly string[];
  readonly lengths: WaitLengths;
}

/** New lengths of waits as intervals, ns (X-R1), by task and start. */
type WaitLengths = Map<string, readonly [min: number, max: number]>;

export class WhatIf {
  readonly #run: ReplayedRun;
  #before: Judged | undefined;

  constructor(run: ReplayedRun) {
    this.#run = run;
  }

  /** The verdicts under a variant (or a combination: operators in order), against the recording's own. */
  judge(variant: Variant): WhatIfVariant {
    const rejudged = this.#rejudge(variant.operators);
    return this.#compare(variant, rejudged, this.#findings(rejudged));
  }

  /** All findings under a variant, in the order of a replay; those of `identity` are the baseline (O40). */
  findings(variant: Variant): readonly Finding[] {
    return this.#findings(this.#rejudge(variant.operators));
  }

  /** The recording's own findings, as the detectors give them. */
  get #baseline(): Judged {
    this.#before ??= this.#judgeAsRecorded();
    return this.#before;
  }

  #judgeAsRecorded(): Judged {
    const { world, models, timeline } = this.#run;
    const { evidence } = rewriteLocks(world, models, lockRewrite([]), world.profile);
    return {
      locks: noteMasking(judgeLocks(evidence)),
      timeline: TIMELINE_DETECTORS.flatMap((detect) => detect(world, timeline)),
      log: detectLog(world, models),
    };
  }

  #rejudge(operators: readonly Operator[]): Rejudged {
    const { world, models } = this.#run;
    const before = this.#baseline;
    const rewrite = lockRewrite(operators);
    const profile: KernelProfile = { ...world.profile };
    const because: string[] = [];
    const lengths: WaitLengths = new Map();
    let { timeline } = this.#run;
    let selected = 0;
    for (const operator of operators) {
      if (isTimelineOperator(operator)) {
        const rewritten = rewriteTimeline(timeline, operator);
        timeline = rewritten.timeline;
        selected += rewritten.selected;
        because.push(...rewritten.because);
        for (const [wait, range] of rewritten.lengths) narrow(lengths, wait, range);
      } else if (operator.op === 'set-profile') {
        // Unknown counts as no: a kernel that shows no sign of PREEMPT_RT is judged as one without.
        if ((profile[operator.field] ?? false) === operator.value) continue;
        selected++;
        because.push(`rules are those of a kernel with ${operator.field} = ${operator.value}`);
        profile[operator.field] = operator.value;
      }
    }
    const newRules = JSON.stringify(profile) !== JSON.stringify(world.profile);
    const rewritten: World = Object.create(world, { profile: { value: profile } }) as World;
    let { locks, log } = before;
    if (newRules || rewritesLocks(rewrite)) {
      const changed = rewriteLocks(world, models, rewrite, profile);
      const reports = rewriteReports(models.log.lockdep, rewrite, profile);
      selected += changed.selected + reports.selected;
      because.push(...changed.because, ...reports.because);
      locks = noteMasking(judgeLocks(changed.evidence));
      log = detectLog(world, models, {
        reports: reports.reports,
        isDropped: (from, to, stack) => isDroppedAt(rewrite, from, to, stack),
      });
      // Cycles that lockdep's reports only suggest: their static orders are in no graph and in no report.
      const gone = before.log.filter(
        ({ id, confidence }) => confidence === 'inferred' && !log.some((finding) => finding.id === id),
      );
      selected += gone.length;
      because.push(...gone.map(({ title }) => `an order of the inferred cycle is taken out: ${title}`));
    }
    const reported = withoutLoads(log, operators);
    selected += log.length - reported.length;
    const after =
      newRules || timeline !== this.#run.timeline
        ? TIMELINE_DETECTORS.flatMap((detect) => detect(rewritten, timeline))
        : before.timeline;
    return { locks, timeline: after, log: reported, selected, because, lengths };
  }

  /** What the kernel reported of a thing goes with the thing itself. */
  #findings({ locks, timeline, log }: Judged): Finding[] {
    const before = [...this.#baseline.locks, ...this.#baseline.timeline];
    const after = [...locks, ...timeline];
    const stands = log.filter((reported) => {
      const partner = before.find((finding) => isSameThing(reported, finding));
      return partner === undefined || after.some((finding) => isSameOccurrence(finding, partner));
    });
    return combineFindings([...locks, ...stands, ...timeline]);
  }

  #compare(variant: Variant, { selected, because, lengths }: Rejudged, after: readonly Finding[]): WhatIfVariant {
    const { baseline } = this.#run;
    const noOp = selected === 0;
    const partners = partnersOf(baseline, noOp ? baseline : after);
    const cleared = baseline.filter((finding) => !partners.has(finding.id));
    const remains = baseline.filter((finding) => partners.has(finding.id));
    const known = new Set([...baseline, ...partners.values()].map(({ id }) => id));
    const fresh = new Map(after.filter(({ id }) => !noOp && !known.has(id)).map((finding) => [finding.id, finding]));
    return {
      name: variant.name,
      title: variant.title,
      no_op: noOp,
      cleared: idsOf(cleared),
      remains: idsOf(remains),
      new: [...fresh.values()],
      changed: widest(remains.flatMap((finding) => changedLength(finding, lengths))),
      because: [...because, ...new Set(remains.flatMap((finding) => otherReason(finding, partners.get(finding.id))))],
    };
  }
}

function isTimelineOperator(operator: Operator): operator is TimelineOperator {
  return !['set-profile', 'drop-edge', 'add-edge', 'set-wait-type', 'set-api-locks'].includes(operator.op);
}

/** The wait or the stall that began then, or the same broken rule. */
function isSameOccurrence(a: Finding, b: Finding): boolean {
  return a.id === b.id || (thingOf(a) === thingOf(b) && a.start_ns === b.start_ns);
}

/**
 * What has become of each finding, by its id: the same one, or else the same thing with another cause that was not there before (X-R4):
 * a call under some locks stays a hazard when one of its reasons goes.
 */
function partnersOf(baseline: readonly Finding[], after: readonly Finding[]): Map<string, Finding> {
  const known = new Set(baseline.map(({ id }) => id));
  const same = new Map(after.map((finding) => [finding.id, finding]));
  const changed = new Map(after.filter(({ id }) => !known.has(id)).map((finding) => [thingOf(finding), finding]));
  const partners = new Map<string, Finding>();
  for (const finding of baseline) {
    const partner = same.get(finding.id) ?? changed.get(thingOf(finding));
    if (partner !== undefined) partners.set(finding.id, partner);
  }
  return partners;
}

/** A finding that remains with another cause. */
function otherReason(before: Finding, after: Finding | undefined): string[] {
  if (after === undefined || before.id === after.id) return [];
  return [`${before.kind} ${rowOf(before).subject(before)} remains for another reason: ${after.title}`];
}

const idsOf = (findings: readonly Finding[]): string[] => [...new Set(findings.map(({ id }) => id))];

/** Several waits may be one bug, with one id: from the shortest to the longest of them. */
function widest(changes: WhatIfVariant['changed']): WhatIfVariant['changed'] {
  const widest = new Map<string, readonly [number, number]>();
  for (const { id, blocked_ns } of changes) {
    const [min, max] = widest.get(id) ?? blocked_ns;
    widest.set(id, [Math.min(min, blocked_ns[0]), Math.max(max, blocked_ns[1])]);
  }
  return [...widest].map(([id, blocked_ns]) => ({ id, blocked_ns }));
}

function waitKey(tid: number, startNs: number): string {
  return `${tid} ${startNs}`;
}

/** An operator sees the longest outcome of those before it: what they left open stays open below. */
function narrow(lengths: WaitLengths, { tid, startNs }: SyncWait, [min, max]: readonly [number, number]): void {
  const key = waitKey(tid, startNs);
  const before = lengths.get(key);
  const open = before ? before[1] - before[0] : 0;
  lengths.set(key, [Math.max(0, min - open), max]);
}

/** The wait of a finding with its new length, as an interval (X-R1). */
function changedLength(finding: Finding, lengths: WaitLengths): WhatIfVariant['changed'] {
  if (finding.kind !== 'blocked-sync') return [];
  const range = lengths.get(waitKey(finding.tid, finding.start_ns));
  if (!range) return [];
  const [min, max] = [Math.round(range[0]), Math.round(range[1])];
  const same = min === finding.blocked_ns && max === finding.blocked_ns;
  return same ? [] : [{ id: finding.id, blocked_ns: [min, max] }];
}
