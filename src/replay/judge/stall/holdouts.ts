/** Those that a stalled grace period waits for, each with its code, the account of its time, and for a sleeping reader its lock (MODEL 2.7). */
import { formatDuration, type StallHoldout } from '../../../../schema/index.ts';
import { overlapNs } from '../../core/interval.ts';
import { OCC_HARDIRQ, OCC_IDLE, OCC_NMI, OCC_SOFTIRQ, OCC_TASK } from '../../model/cpu/cpu-state.ts';
import { type Holdout, heldUntilNs } from '../../model/rcu/grace-period.ts';
import { occupancyShares } from '../../model/rcu/holdout/shares.ts';
import type { Timeline } from '../../record/timeline.ts';

const round = (share: number): number => Math.round(share * 1e4) / 1e4;

/** The longest pending first. */
export function stallHoldouts(timeline: Timeline, holdouts: readonly Holdout[]): StallHoldout[] {
  const untilNs = (holdout: Holdout): number => timeline.heldUntil(holdout);
  return [...holdouts]
    .sort((a, b) => untilNs(b) - b.fromNs - (untilNs(a) - a.fromNs) || a.cpu - b.cpu || a.tid - b.tid)
    .map((holdout) => {
      const { cause, code } = timeline.judge(holdout);
      return {
        name: holdout.kind === 'cpu' ? `CPU ${holdout.cpu}` : holdout.name,
        cpu: holdout.cpu,
        ...(holdout.kind === 'reader' ? { tid: holdout.tid } : taskOn(holdout)),
        code,
        cause,
        from_ns: holdout.fromNs,
        to_ns: heldUntilNs(holdout),
        shares: sharesOf(holdout),
        ticks: holdout.ticks,
        interrupts: holdout.interrupts,
        note: holdoutNote(timeline, holdout),
      };
    });
}

/** Who ran on the CPU for longest. */
function taskOn({ ran }: Holdout): { task?: string } {
  let most: [name: string, ns: number] | undefined;
  for (const entry of ran) if (most === undefined || entry[1] > most[1]) most = entry;
  return most === undefined ? {} : { task: most[0] };
}

function sharesOf(holdout: Holdout): Record<string, number> {
  if (holdout.kind === 'reader') {
    const { timesFrom, timesTo } = holdout;
    if (!timesFrom || !timesTo) return {};
    const [running, runnable, blocked, sleeping] = occupancyShares(timesFrom, timesTo).map(round);
    return { running, runnable, blocked, sleeping };
  }
  const share = occupancyShares(holdout.occupancyFrom, holdout.occupancyTo ?? holdout.occupancyFrom).map(round);
  return {
    nmi: share[OCC_NMI],
    hardirq: share[OCC_HARDIRQ],
    softirq: share[OCC_SOFTIRQ],
    task: share[OCC_TASK],
    idle: share[OCC_IDLE],
  };
}

/** The verdict's note; of a reader that sleeps, with the lock and its owner (READER_BLOCKED: follow the lock owner). */
export function holdoutNote(timeline: Timeline, holdout: Holdout): string {
  const { note, cause } = timeline.judge(holdout);
  return cause === 'reader-sleeping' ? `${note}${lockNote(timeline, holdout)}` : note;
}

function lockNote(timeline: Timeline, holdout: Holdout): string {
  const { data } = timeline;
  const untilNs = holdout.toNs ?? holdout.openUntilNs ?? data.endNs;
  const past = data.pastLockWaits
    .filter((wait) => wait.tid === holdout.tid)
    .map((wait) => ({
      lock: wait.lock,
      ownerTid: wait.owner.basis === 'guessed' ? -1 : wait.owner.tid,
      startNs: wait.startNs,
      endNs: wait.endNs,
    }));
  const open = data.lockWaits
    .filter((wait) => wait.from.tid === holdout.tid)
    .map((wait) => ({ lock: wait.lock, ownerTid: wait.to.tid, startNs: wait.sinceNs, endNs: data.endNs }));
  let longest: { lock: string; ownerTid: number; ns: number } | undefined;
  for (const { lock, ownerTid, startNs, endNs } of [...past, ...open]) {
    const ns = overlapNs(holdout.fromNs, untilNs, startNs, endNs);
    if (ns > (longest?.ns ?? 0)) longest = { lock, ownerTid, ns };
  }
  if (!longest) return '; which lock it waits for is not recorded (lock:contention_begin, lock:lock_acquire)';
  const owner = longest.ownerTid > 0 ? `, held by ${timeline.labelOf(longest.ownerTid)}` : '';
  return `; ${formatDuration(longest.ns)} of it for ${longest.lock}${owner}`;
}
