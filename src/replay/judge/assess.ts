/** For each kind of finding: could this capture decide it, and if not, what was missing (DESIGN "Honesty rules"). */
import {
  type Assessment,
  type EventGroup,
  FINDING_KINDS,
  type FindingKind,
  formatDuration,
  type KindNeeds,
  kindRow,
  type Need,
} from '../../../schema/index.ts';
import { GP_KTHREAD_STARVED_NS } from '../knowledge/thresholds.ts';
import { gracePeriodName } from '../model/rcu/grace-period.ts';
import { isRecorded, type RunRecord } from '../record/run-record.ts';
import { hungTaskThresholdNs, workqueueThresholdNs } from '../record/wait-thresholds.ts';
import { stallRule } from './stall/rule.ts';

const NEAR_MISSES_NAMED = 3;
/** What a recording in ticks lacks. */
const TIME = 'a trace clock that counts time';

/** One assessment per kind, in the order of FINDING_KINDS. */
export function assessAll(record: RunRecord): Assessment[] {
  return FINDING_KINDS.map((kind) => {
    const assessment = assess(record, kind, kindRow(kind).needs);
    const margin = assessment.status === 'not-assessed' ? '' : nearMiss(record, kind);
    return margin ? { ...assessment, note: join(margin, assessment.note) } : assessment;
  });
}

/** How far the capture was from a finding: near misses are worth knowing, silence is not (R2.63). */
function nearMiss(record: RunRecord, kind: FindingKind): string {
  if (record.profile.timeUnit === 'ticks') return '';
  const { timeline } = record;
  const longest = (intervals: readonly { readonly startNs: number; readonly endNs: number | null }[]): number =>
    intervals.reduce((max, interval) => Math.max(max, timeline.length(interval)), 0);
  if (kind === 'rcu-stall') return stallMargin(record);
  if (kind === 'blocked-sync') {
    const ns = longest(timeline.data.waits.filter((wait) => !wait.insideSrcuRun));
    return ns > 0
      ? `longest wait ${formatDuration(ns)}, threshold ${formatDuration(record.thresholds.blockedSyncNs)}`
      : '';
  }
  return '';
}

/** The longest grace period, and those past half of the timeout: the kernel began to probe their holdouts (R2.13, R2.63). */
function stallMargin(record: RunRecord): string {
  const { timeline } = record;
  const { periods, stallReports } = timeline.data;
  const longestNs = periods.reduce((max, gp) => Math.max(max, timeline.length(gp)), 0);
  if (longestNs <= 0) return '';
  const rule = stallRule(record, periods, stallReports);
  const margin = `longest grace period ${formatDuration(longestNs)}, the kernel warns after ${formatDuration(rule.timeoutNs)} (${rule.why})`;
  const near = periods
    .filter((gp) => !gp.expedited && gp.warnedNs === undefined)
    .filter((gp) => timeline.length(gp) >= rule.timeoutNs / 2 && timeline.length(gp) < rule.timeoutNs)
    .sort((a, b) => timeline.length(b) - timeline.length(a));
  if (near.length === 0) return margin;
  const names = near
    .slice(0, NEAR_MISSES_NAMED)
    .map((gp) => `${gracePeriodName(gp)} ${formatDuration(timeline.length(gp))}`);
  const more = near.length > names.length ? ` and ${near.length - names.length} more` : '';
  return `${margin}; near misses, past half of it: ${names.join(', ')}${more}`;
}

function assess(record: RunRecord, kind: FindingKind, needs: KindNeeds): Assessment {
  const assessment = assessEvents(record, kind, needs);
  if (!needs.reports.some((report) => record.coverage.unreadReports.has(report))) return assessment;
  const unread = 'lines of the log look like such reports and could not be read (report-unread)';
  return { ...assessment, status: 'partial', note: join(unread, assessment.note) };
}

function assessEvents(record: RunRecord, kind: FindingKind, needs: KindNeeds): Assessment {
  const reported = needs.reports.some((report) => record.coverage.reports.has(report));
  if (record.profile.timeUnit === 'ticks' && kindRow(kind).lasts === 'interval' && kind !== 'deadlock')
    return {
      kind,
      status: reported ? 'partial' : 'not-assessed',
      missing: reported ? [] : [TIME],
      note: join(reported ? 'from the kernel log only' : '', 'times of the trace are ticks of unknown length'),
    };
  const missing = needs.events.filter((group) => !satisfied(record, group.anyOf));
  const essential = missing.filter((group) => group.essential);
  const lost = record.coverage.lostMarkers > 0 ? 'events were lost: nothing is concluded from their absence' : '';
  if (essential.length > 0) {
    return {
      kind,
      status: reported ? 'partial' : 'not-assessed',
      missing: missing.map((group) => group.name),
      note: join(reported ? 'from the kernel log only' : essential.map((group) => group.why).join('; '), lost),
    };
  }
  const { tooShort, severe } = shortness(record, kind);
  if (missing.length > 0 || lost || tooShort) {
    return {
      kind,
      status: severe && !reported ? 'not-assessed' : 'partial',
      missing: missing.map((group) => group.name),
      note: join(tooShort, missing.map((group) => group.why).join('; '), nameless(record, missing), lost),
    };
  }
  return { kind, status: 'assessed', missing: [], note: '' };
}

/** Stacks are there, and none of their addresses has a name. */
function nameless({ coverage }: RunRecord, missing: readonly EventGroup[]): string {
  const wanted = missing.some(({ anyOf }) => anyOf.includes('<stacks>'));
  return wanted && coverage.namelessStacks ? 'stacks are recorded without symbols (--kallsyms)' : '';
}

/**
 * What lasts longer than the recording cannot be in it. Of grace periods and of waits for them the near misses tell something all the same;
 * of the other kinds silence would be all.
 */
function shortness(record: RunRecord, kind: FindingKind): { readonly tooShort: string; readonly severe: boolean } {
  const limitNs = thresholdNs(record, kind);
  const lengthNs = record.coverage.lengthNs;
  if (limitNs === undefined || lengthNs >= limitNs) return { tooShort: '', severe: false };
  return {
    tooShort: `the recording lasts ${formatDuration(lengthNs)}, the threshold is ${formatDuration(limitNs)}`,
    severe: kind !== 'rcu-stall' && kind !== 'blocked-sync',
  };
}

/** How long something of that kind lasts at least; undefined where length is no matter. */
function thresholdNs(record: RunRecord, kind: FindingKind): number | undefined {
  const { thresholds, timeline } = record;
  switch (kind) {
    case 'rcu-stall':
      return stallRule(record, timeline.data.periods, timeline.data.stallReports).timeoutNs;
    case 'hung-task':
      return hungTaskThresholdNs(record);
    case 'blocked-sync':
      return thresholds.blockedSyncNs;
    case 'workqueue-stall':
      return workqueueThresholdNs(record);
    case 'gp-kthread-starved':
      return GP_KTHREAD_STARVED_NS;
    case 'nmi-storm':
    case 'irq-storm':
    case 'softirq-storm':
      return thresholds.nmiStormWindowNs;
    default:
      return undefined;
  }
}

function satisfied(record: RunRecord, anyOf: readonly Need[]): boolean {
  return anyOf.some((need) =>
    typeof need === 'string' ? has(record, need) : need.every((event) => has(record, event)),
  );
}

function has({ coverage }: RunRecord, need: string): boolean {
  if (need === '<stacks>') return coverage.stacks;
  if (need === '<context-flags>') return coverage.contextFlags;
  if (need === '<log>') return isRecorded(coverage, 'console');
  return isRecorded(coverage, need);
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}
