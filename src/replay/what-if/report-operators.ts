/**
 * Operators on what the kernel log says of locks: the reports as lockdep would have printed them under the variant, or not at all. The
 * ordinary log detectors judge what is left (MODEL 6.3, §10 A1–A3: verdicts on splats alone).
 */
import type { KernelProfile, LogLock } from '../../../schema/index.ts';
import { rawNumbering, waitLimit } from '../judge/log/report/locks.ts';
import type { LockdepReport } from '../model/log/log.ts';
import { isTakenOut } from '../record/taken-out.ts';
import { type LockRewrite, newWaitType } from './lock-operators.ts';
import type { WaitTypeName } from './operator.ts';

export interface RewrittenReports {
  readonly reports: readonly LockdepReport[];
  /** Reports that the rewrite changed or took away. */
  readonly selected: number;
  readonly because: readonly string[];
}

/** lockdep's numbers with and without CONFIG_PROVE_RAW_LOCK_NESTING (L5.31). */
const NUMBERS: Readonly<Record<'raw' | 'plain', Readonly<Record<WaitTypeName, number>>>> = {
  raw: { spin: 2, config: 3, sleep: 4 },
  plain: { spin: 2, config: 2, sleep: 3 },
};

/** @param profile of the variant */
export function rewriteReports(
  reports: readonly LockdepReport[],
  rewrite: LockRewrite,
  profile: KernelProfile,
): RewrittenReports {
  const because: string[] = [];
  let selected = 0;
  const kept = reports.flatMap((report) => {
    const { after, why } =
      report.kind === 'lockdep-wait-context'
        ? waitContext(report, rewrite, profile)
        : { after: report, why: brokenOrder(report, rewrite) };
    if (why === undefined) return [report];
    selected++;
    because.push(`${placeOf(report)}: ${why}`);
    return report.kind === 'lockdep-wait-context' && after ? [after] : [];
  });
  return { reports: kept, selected, because };
}

/** Reports that came with printk:console events have no line of a log. */
function placeOf({ line, tsNs }: LockdepReport): string {
  return `lockdep's report ${line > 0 ? `in line ${line}` : `at ${(tsNs / 1e9).toFixed(6)} s`}`;
}

/** The first order of the report that the variant takes out; undefined when all of them stay. */
function brokenOrder(
  report: Exclude<LockdepReport, { kind: 'lockdep-wait-context' }>,
  rewrite: LockRewrite,
): string | undefined {
  for (const [from, to, stack] of ordersOf(report))
    if (from !== '' && to !== '' && isTakenOut(rewrite.drops, from, to, stack))
      return `${from} → ${to} is no longer in it`;
  return undefined;
}

type Order = readonly [from: string, to: string, stack: readonly string[]];

function ordersOf(report: Exclude<LockdepReport, { kind: 'lockdep-wait-context' }>): Order[] {
  switch (report.kind) {
    case 'lockdep-circular':
      return [
        [report.holding.name, report.acquiring.name, report.stack],
        ...report.chain.slice(1).map(({ lock, stack }, i): Order => [report.chain[i].lock.name, lock.name, stack]),
      ];
    case 'lockdep-irq-order': {
      const path = [...(report.safePath ?? [report.safe]), ...(report.unsafePath ?? [report.unsafe])];
      return [
        [report.holding.name, report.acquiring.name, report.stack],
        ...path.slice(1).map((to, i): Order => [path[i], to, []]),
      ];
    }
    case 'lockdep-irq-inversion':
      return report.direction === 'took'
        ? [[report.lock.name, report.other, report.stack]]
        : [[report.other, report.lock.name, report.stack]];
    default:
      return [];
  }
}

/**
 * The check of L5.32 once more, with the numbers that the locks would have. `after` is the report as it would be printed, undefined when
 * there is nothing to report; `why` is undefined when the variant does not touch it.
 */
function waitContext(
  report: Extract<LockdepReport, { kind: 'lockdep-wait-context' }>,
  rewrite: LockRewrite,
  profile: KernelProfile,
): { readonly after: typeof report | undefined; readonly why: string | undefined } {
  const numbersRaw = rawNumbering(report) !== false;
  // Without PREEMPT_RT and without the proof of raw nesting a spinlock is a spinlock.
  const checksRaw = numbersRaw && (profile.rt === true || profile.rawLockNesting !== false);
  const number = (lock: LogLock, value: number | undefined): number | undefined => {
    const type = newWaitType(rewrite, lock.name);
    if (type !== undefined) return NUMBERS[checksRaw ? 'raw' : 'plain'][type];
    if (value === undefined || checksRaw === numbersRaw) return value;
    return value >= 3 ? value - 1 : value;
  };
  const change = (lock: LogLock): LogLock => {
    const inner = number(lock, lock.inner);
    const outer = lock.outer ? number(lock, lock.outer) : lock.outer;
    return inner === lock.inner && outer === lock.outer
      ? lock
      : { ...lock, ...(inner !== undefined && { inner }), ...(outer !== undefined && { outer }) };
  };
  const held = report.held
    .filter((lock) => !isTakenOut(rewrite.drops, lock.name, report.lock.name, report.stack))
    .map(change);
  const lock = change(report.lock);
  const context =
    report.context !== undefined && checksRaw !== numbersRaw && report.context > 2
      ? report.context - 1
      : report.context;
  if (
    lock === report.lock &&
    context === report.context &&
    held.length === report.held.length &&
    held.every((other, i) => other === report.held[i])
  )
    return { after: report, why: undefined };
  const after = { ...report, lock, held, ...(context !== undefined && { context }) };
  const limit = waitLimit(context, held);
  const own = lock.outer || lock.inner;
  const text = `${lock.name} ${own === undefined ? '' : `is ${own}, `}the limit ${limit ?? 'is open'}`;
  if (own === undefined || limit === undefined)
    return { after, why: `${text}: it cannot be judged again, the report is cut` };
  return own > limit
    ? { after, why: `${text}: still above it` }
    : { after: undefined, why: `${text}: not above it any more` };
}
