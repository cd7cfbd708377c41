/** The verdict on a CPU that spins until another one answers: it is that of the other CPU, reached via the spinning task. */
import { overlapNs } from '../core/interval.ts';
import type { Visibility } from '../core/visibility.ts';
import type { BusyWait } from '../model/inferred/busy-wait.ts';
import { quietHoldout } from '../model/inferred/quiet-holdout.ts';
import type { HoldoutVerdict } from '../model/rcu/holdout/shares.ts';
import { judgeHoldout } from '../model/rcu/holdout/verdict.ts';
import type { LockSpin } from './lock-spin-verdict.ts';

/** What held a grace period up, as the whole record shows it. */
export interface TracedVerdict extends HoldoutVerdict {
  /** The CPU spins until another one answers: the verdict is that of the other one. */
  readonly via?: BusyWait;
  /** Its task spins for a lock: the verdict is on the owner. */
  readonly lockSpin?: LockSpin;
}

/** The spin must cover this share of the time in question. */
const COVERS = 0.5;

/** The spin of a CPU that covers most of [fromNs, toNs). */
export function busyWaitDuring(
  waits: readonly BusyWait[],
  cpu: number,
  fromNs: number,
  toNs: number,
): BusyWait | undefined {
  return waits.find(
    (wait) => wait.cpu === cpu && overlapNs(fromNs, toNs, wait.startNs, wait.endNs) >= COVERS * (toNs - fromNs),
  );
}

/** What keeps the other CPU from answering in [fromNs, toNs); `unknown` while it is not known which one is meant. */
export function verdictOfTarget(wait: BusyWait, fromNs: number, toNs: number, visible: Visibility): TracedVerdict {
  const spins = `${wait.task} spins in ${wait.fn} until another CPU answers`;
  const { target, targetCpu } = wait;
  if (!target) {
    const which =
      targetCpu === undefined ? 'which one is not recorded' : `CPU ${targetCpu}, of which nothing shows why`;
    const note = `${spins}: ${which}`;
    return {
      cause: 'unknown',
      code: 'UNKNOWN',
      shares: { nmi: 0, hardirq: 0, softirq: 0 },
      task: undefined,
      runnableShare: 0,
      note,
      via: wait,
    };
  }
  const verdict = judgeHoldout(quietHoldout(target, fromNs, toNs, false), visible);
  return { ...verdict, note: `${spins}, CPU ${target.cpu}: ${verdict.note}`, via: wait };
}
