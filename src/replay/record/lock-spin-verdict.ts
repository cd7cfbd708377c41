/** The verdict on a CPU whose task spins for a lock: the holder of the lock is to blame (W22, W23). */
import { formatDuration } from '../../../schema/index.ts';
import { overlapNs } from '../core/interval.ts';
import { splitLabel } from '../core/wording.ts';
import type { PastLockWait } from '../model/lock/wait.ts';
import type { HoldoutVerdict } from '../model/rcu/holdout/shares.ts';

/** A task that waits for a lock on its CPU for most of an interval, with the owner. */
export interface LockSpin {
  /** `comm:tid`. */
  readonly task: string;
  readonly lock: string;
  readonly ownerTid: number;
}

/** The wait must cover this share of the time in question. */
const COVERS = 0.5;

/** An open wait of a task for a lock whose owner is known. */
interface OpenWait {
  readonly from: { readonly tid: number };
  readonly to: { readonly tid: number };
  readonly lock: string;
  readonly sinceNs: number;
}

/** The lock for which the task spins during most of [fromNs, toNs), if its owner is known; a guessed owner is not. */
export function lockSpinDuring(
  { past, open }: { readonly past: readonly PastLockWait[]; readonly open: readonly OpenWait[] },
  task: string,
  fromNs: number,
  toNs: number,
): (LockSpin & { readonly ns: number }) | undefined {
  const { tid } = splitLabel(task);
  const waits = [
    ...past
      .filter((wait) => wait.tid === tid && wait.owner.basis !== 'guessed')
      .map(({ lock, owner, startNs, endNs }) => ({ lock, ownerTid: owner.tid, startNs, endNs })),
    ...open
      .filter((wait) => wait.from.tid === tid)
      .map(({ lock, to, sinceNs }) => ({ lock, ownerTid: to.tid, startNs: sinceNs, endNs: toNs })),
  ];
  for (const { lock, ownerTid, startNs, endNs } of waits) {
    const ns = overlapNs(fromNs, toNs, startNs, endNs);
    if (ns >= COVERS * (toNs - fromNs) && ownerTid > 0 && ownerTid !== tid) return { task, lock, ownerTid, ns };
  }
  return undefined;
}

/** @param owner `comm:tid` */
export function verdictOfOwner(
  verdict: HoldoutVerdict,
  { task, lock, ns }: LockSpin & { readonly ns: number },
  owner: string,
): HoldoutVerdict {
  const note = `${task} spins for ${lock} for ${formatDuration(ns)}, held by ${owner}`;
  return { ...verdict, cause: 'lock-holder', task: owner, note };
}
