/** Reports that come again and again: one finding with how often, how far apart, the first and the last. */
import { formatDuration, type Recurrence } from '../../../../schema/index.ts';
import type { LogStall } from '../../model/log/stall.ts';
import type { LogCause } from './chain/cause.ts';

/** A stall as it is judged. */
interface RecurringStall {
  readonly stall: LogStall;
  readonly startNs: number;
  readonly endNs: number;
  readonly cause: LogCause;
  readonly who: string;
}

/** Two CPUs report one lockup at once. */
const ONE_EVENT_NS = 1e9;

/** How often, and how far apart on average. */
export function recurrenceNotes(reports: readonly { readonly tsNs: number }[]): string[] {
  if (reports.length < 2) return [];
  const lastNs = reports[reports.length - 1].tsNs - reports[0].tsNs;
  const apart = `, every ${formatDuration(lastNs / (reports.length - 1))}, the last one ${formatDuration(lastNs)} after the first`;
  return [`${reports.length} reports${lastNs >= ONE_EVENT_NS ? apart : ''}`];
}

/** Reports of one thing, in order. @param apart whether the second, of the same key, begins another group */
export function groups<T>(
  reports: readonly T[],
  key: (report: T) => string,
  apart: (last: T, next: T) => boolean = () => false,
): T[][] {
  const open = new Map<string, T[]>();
  const all: T[][] = [];
  for (const report of reports) {
    const group = open.get(key(report));
    const last = group?.at(-1);
    if (group && last !== undefined && !apart(last, report)) group.push(report);
    else {
      const begun = [report];
      open.set(key(report), begun);
      all.push(begun);
    }
  }
  return all;
}

/** Stalls of different grace periods with the same holdouts, the same cause, and the same code. */
export function recurringStalls<Stall extends RecurringStall>(stalls: readonly Stall[]): Stall[][] {
  return groups(stalls, ({ stall, cause, who }) =>
    [stall.flavor, stall.expedited, cause.cause, cause.at ?? '', who.replace(/:\d+/g, '')].join(' '),
  );
}

const MAX_GP_SEQS = 64;

export function recurrenceOf(stalls: readonly RecurringStall[]): Recurrence {
  const [first] = stalls;
  const last = stalls[stalls.length - 1];
  const spanNs = last.stall.first.tsNs - first.stall.first.tsNs;
  return {
    count: stalls.length,
    period_ns: Math.round(spanNs / (stalls.length - 1)),
    longest_ns: Math.max(...stalls.map(({ startNs, endNs }) => endNs - startNs)),
    first_ns: first.stall.first.tsNs,
    last_ns: last.stall.first.tsNs,
    gp_seqs: stalls.flatMap(({ stall }) => stall.eventSeq ?? []).slice(0, MAX_GP_SEQS),
  };
}
