/** For each kind of finding: could this capture decide it, and if not, what was missing (DESIGN "Honesty rules"). */
import {
  type Assessment,
  FINDING_KINDS,
  type FindingKind,
  formatDuration,
  type KindNeeds,
  kindRow,
} from '../../../schema/index.ts';
import type { World } from '../core/world.ts';
import { gracePeriodName } from '../model/rcu/grace-period.ts';
import type { Timeline } from '../record/timeline.ts';
import { stallRule } from './stall/rule.ts';

const NEAR_MISSES_NAMED = 3;

/** One assessment per kind, in the order of FINDING_KINDS. */
export function assessAll(world: World, timeline: Timeline): Assessment[] {
  return FINDING_KINDS.map((kind) => {
    const assessment = assess(world, kind, kindRow(kind).needs);
    const margin = assessment.status === 'not-assessed' ? '' : nearMiss(world, kind, timeline);
    return margin ? { ...assessment, note: join(margin, assessment.note) } : assessment;
  });
}

/** How far the capture was from a finding: near misses are worth knowing, silence is not (R2.63). */
function nearMiss(world: World, kind: FindingKind, timeline: Timeline): string {
  const longest = (intervals: readonly { readonly startNs: number; readonly endNs: number | null }[]): number =>
    intervals.reduce((max, interval) => Math.max(max, timeline.length(interval)), 0);
  if (kind === 'rcu-stall') return stallMargin(world, timeline);
  if (kind === 'blocked-sync') {
    const ns = longest(timeline.data.waits.filter((wait) => !wait.insideSrcuPass));
    return ns > 0
      ? `longest wait ${formatDuration(ns)}, threshold ${formatDuration(world.thresholds.blockedSyncNs)}`
      : '';
  }
  return '';
}

/** The longest grace period, and those past half of the timeout: the kernel began to probe their holdouts (R2.13, R2.63). */
function stallMargin(world: World, timeline: Timeline): string {
  const { periods, stallReports } = timeline.data;
  const longestNs = periods.reduce((max, gp) => Math.max(max, timeline.length(gp)), 0);
  if (longestNs <= 0) return '';
  const rule = stallRule(world, periods, stallReports);
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

function assess(world: World, kind: FindingKind, needs: KindNeeds): Assessment {
  const assessment = assessEvents(world, kind, needs);
  if (!needs.reports.some((report) => world.unreadReports.has(report))) return assessment;
  const unread = 'lines of the log look like such reports and could not be read (report-unread)';
  return { ...assessment, status: 'partial', note: join(unread, assessment.note) };
}

function assessEvents(world: World, kind: FindingKind, needs: KindNeeds): Assessment {
  const reported = needs.reports.some((report) => world.reportsSeen.has(report));
  const missing = needs.events.filter((group) => !satisfied(world, group.anyOf));
  const essential = missing.filter((group) => group.essential);
  const lost = world.lostMarkers > 0 ? 'events were lost: nothing is concluded from their absence' : '';
  if (essential.length > 0) {
    return {
      kind,
      status: reported ? 'partial' : 'not-assessed',
      missing: missing.map((group) => group.name),
      note: join(reported ? 'from the kernel log only' : essential.map((group) => group.why).join('; '), lost),
    };
  }
  if (missing.length > 0 || lost) {
    return {
      kind,
      status: 'partial',
      missing: missing.map((group) => group.name),
      note: join(missing.map((group) => group.why).join('; '), lost),
    };
  }
  return { kind, status: 'assessed', missing: [], note: '' };
}

function satisfied(world: World, anyOf: readonly string[]): boolean {
  return anyOf.some((need) => {
    if (need === '<stacks>') return world.stacksSeen > 0;
    if (need === '<context-flags>') return world.contextFlagsSeen;
    return world.count(need) > 0;
  });
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}
