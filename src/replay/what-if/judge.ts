/**
 * Judges a recording under a variant: operators rewrite copies of the timeline, the lock graph, the kernel's reports and the profile,
 * the ordinary detectors judge the copies, and what they find is compared with the baseline (X-R4). No verdict is stored in a variant.
 */
import { type Finding, type KernelProfile, rowOf, thingOf, type WhatIfVariant } from '../../../schema/index.ts';
import { detectAll, type Verdicts } from '../judge/index.ts';
import type { SyncWait } from '../model/sync/sync-wait.ts';
import type { RunRecord } from '../record/run-record.ts';
import { lockRewrite, rewriteLocks, rewritesLocks } from './lock-operators.ts';
import type { Operator, Variant } from './operator.ts';
import { rewriteReports } from './report-operators.ts';
import { rewriteTimeline, type TimelineOperator } from './timeline-operators.ts';
import { withoutLoads } from './without-load.ts';

/** A finished replay, as what-if needs it. */
export interface ReplayedRun {
  readonly record: RunRecord;
  /** Findings of the recording itself. */
  readonly baseline: readonly Finding[];
}

/** Everything that the operators of a variant did, and what is found then. */
interface Rejudged {
  readonly verdicts: Verdicts;
  readonly selected: number;
  readonly because: readonly string[];
  readonly lengths: WaitLengths;
}

/** New lengths of waits as intervals, ns (X-R1), by task and start. */
type WaitLengths = Map<string, readonly [min: number, max: number]>;

export class WhatIf {
  readonly #run: ReplayedRun;
  #recorded: Verdicts | undefined;

  constructor(run: ReplayedRun) {
    this.#run = run;
  }

  /** The verdicts under a variant (or a combination: operators in order), against the recording's own. */
  judge(variant: Variant): WhatIfVariant {
    return this.#compare(variant, this.#rejudge(variant.operators));
  }

  /** All findings under a variant, in the order of a replay; those of `identity` are the baseline (O40). */
  findings(variant: Variant): readonly Finding[] {
    return this.#rejudge(variant.operators).verdicts.findings;
  }

  /** The recording's own findings, as the detectors give them. */
  get #before(): Verdicts {
    this.#recorded ??= detectAll(this.#run.record);
    return this.#recorded;
  }

  #rejudge(operators: readonly Operator[]): Rejudged {
    const before = this.#before;
    const { record } = before;
    const rewrite = lockRewrite(operators);
    const profile: KernelProfile = { ...record.profile };
    const because: string[] = [];
    const lengths: WaitLengths = new Map();
    let { timeline } = record;
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
    const newRules = JSON.stringify(profile) !== JSON.stringify(record.profile);
    let rewritten: RunRecord = { ...record, timeline, ...(newRules && { profile }) };
    if (newRules || rewritesLocks(rewrite)) {
      const locks = rewriteLocks(record.locks, rewrite, profile);
      const reports = rewriteReports(record.log.complaints, rewrite, profile);
      rewritten = {
        ...rewritten,
        locks: locks.record,
        log: { ...record.log, complaints: reports.reports, takenOut: rewrite.drops },
      };
      selected += locks.selected + reports.selected;
      because.push(...locks.because, ...reports.because);
    }
    const outlasts = (reports: readonly Finding[]): readonly Finding[] => withoutLoads(reports, operators);
    const verdicts = detectAll(rewritten, before, outlasts);
    selected += verdicts.ofLog.length - outlasts(verdicts.ofLog).length;
    // Cycles that lockdep's reports only suggest: their static orders are in no graph and in no report.
    const gone = before.ofLog.filter(
      ({ id, confidence }) => confidence === 'inferred' && !verdicts.ofLog.some((finding) => finding.id === id),
    );
    selected += gone.length;
    because.push(...gone.map(({ title }) => `an order of the inferred cycle is taken out: ${title}`));
    return { verdicts, selected, because, lengths };
  }

  /** The operators rewrite waits, and of the waits that were found only the log knows. */
  #isUndecided({ operators }: Variant): boolean {
    const { periods, sleeps, waits } = this.#run.record.timeline.data;
    const recorded = periods.length + sleeps.length + waits.length > 0;
    const rewritesWaits = operators.some((operator) => isTimelineOperator(operator) && operator.op !== 'scale-context');
    return rewritesWaits && !recorded && this.#run.baseline.some(({ kind }) => REPORTED_WAITS.has(kind));
  }

  #compare(variant: Variant, { verdicts, selected, because, lengths }: Rejudged): WhatIfVariant {
    const after = verdicts.findings;
    const { baseline } = this.#run;
    const noOp = selected === 0;
    const partners = partnersOf(baseline, noOp ? baseline : after);
    const cleared = baseline.filter((finding) => !partners.has(finding.id));
    const remains = baseline.filter((finding) => partners.has(finding.id));
    const known = new Set([...baseline, ...partners.values()].map(({ id }) => id));
    const fresh = new Map(after.filter(({ id }) => !noOp && !known.has(id)).map((finding) => [finding.id, finding]));
    const undecided = noOp && this.#isUndecided(variant);
    return {
      name: variant.name,
      title: variant.title,
      no_op: noOp,
      ...(undecided && { undecided }),
      cleared: idsOf(cleared),
      remains: idsOf(remains),
      new: [...fresh.values()],
      changed: widest(remains.flatMap((finding) => changedLength(finding, lengths))),
      because: [...because, ...new Set(remains.flatMap((finding) => otherReason(finding, partners.get(finding.id))))],
    };
  }
}

/** Waits that a log reports. */
const REPORTED_WAITS: ReadonlySet<Finding['kind']> = new Set(['blocked-sync', 'hung-task', 'rcu-stall']);

function isTimelineOperator(operator: Operator): operator is TimelineOperator {
  return !['set-profile', 'drop-edge', 'add-edge', 'set-wait-type', 'set-api-locks'].includes(operator.op);
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
