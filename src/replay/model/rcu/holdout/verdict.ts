/** Why a CPU or a reader held a grace period up (MODEL 2.7), from what its CPU and it did while it was pending. */
import { formatDuration, type HoldoutCode, type RootKind } from '../../../../../schema/index.ts';
import type { Visibility } from '../../../core/visibility.ts';
import { LATE_NS, SLOW_NS } from '../../../knowledge/thresholds.ts';
import {
  OCC_HARDIRQ,
  OCC_IDLE,
  OCC_NMI,
  OCC_SOFTIRQ,
  OCC_TASK,
  OCC_UNKNOWN,
  type Occupancy,
} from '../../cpu/cpu-state.ts';
import type { Holdout } from '../grace-period.ts';
import { judgeReader } from './reader-verdict.ts';
import {
  busiest,
  type HoldoutVerdict,
  IRQ_SHARE,
  MOST,
  NMI_SHARE,
  occupancyShares,
  percentOf,
  realTime,
} from './shares.ts';

/** RT_HOG. */
const RT_SHARE = 0.9;
/** A CPU that takes less than this share of its ticks has interrupts off, or is inside NMIs, or does not run at all. */
const TICK_SHARE = 0.1;
/** With more interrupts per second than that they are not off. */
const FEW_INTERRUPTS = 5;

export function judgeHoldout(holdout: Holdout, visible: Visibility): HoldoutVerdict {
  const share = occupancyShares(holdout.occupancyFrom, holdout.occupancyTo ?? holdout.occupancyFrom);
  const shares = { nmi: share[OCC_NMI], hardirq: share[OCC_HARDIRQ], softirq: share[OCC_SOFTIRQ] };
  return holdout.kind === 'reader' ? judgeReader(holdout, shares, visible) : judgeCpu(holdout, shares, share, visible);
}

function judgeCpu(
  holdout: Holdout,
  shares: HoldoutVerdict['shares'],
  share: readonly number[],
  visible: Visibility,
): HoldoutVerdict {
  const task = busiest(holdout, '');
  const verdict = (cause: RootKind, code: HoldoutCode, note: string, culprit?: string): HoldoutVerdict => ({
    cause,
    code,
    shares,
    task: culprit,
    runnableShare: 0,
    note,
  });
  const to = holdout.occupancyTo ?? holdout.occupancyFrom;
  const heldNs = to.reduce((sum, ns, kind) => sum + ns - holdout.occupancyFrom[kind], 0);
  if (heldNs <= 0)
    return verdict('unknown', 'UNKNOWN', 'none of its events was recorded, so that its report may be missing, too');
  const silentNs = holdout.silentNs ?? 0;
  if (heldNs > SLOW_NS && visible.tickNs !== undefined && silentNs >= MOST * heldNs) {
    const note = `no CPU recorded anything for ${formatDuration(silentNs)} although several were busy: the machine was not running`;
    return verdict('unknown', 'VM_STOLEN', note);
  }
  if (holdout.offlineNs !== undefined)
    return verdict('unknown', 'CPU_OFFLINE_RACE', 'it was going offline (cpuofl) while its quiescent state was due');
  if (shares.nmi >= NMI_SHARE) {
    const rest = task ? `, ${task} gets the rest` : '';
    const note = `no quiescent state: NMIs take ${percentOf(shares.nmi)} of its time${rest}`;
    return verdict('nmi-storm', 'NMI_LOAD', note);
  }
  const running = share[OCC_TASK];
  if (
    !visible.nmi &&
    visible.tickNs === undefined &&
    task &&
    shares.hardirq < IRQ_SHARE &&
    shares.softirq < IRQ_SHARE
  ) {
    const note = `${task} ran on it without a context switch; interrupts and ticks were not recorded`;
    return verdict('unknown', 'UNKNOWN', note);
  }
  const fewTicks =
    visible.tickNs !== undefined && holdout.ticks * visible.tickNs < TICK_SHARE * heldNs && heldNs > SLOW_NS;
  const busy = running + shares.softirq + shares.hardirq;
  if (fewTicks && visible.nmi && busy >= MOST && shares.softirq < IRQ_SHARE) {
    const inTime = `in ${formatDuration(heldNs)}`;
    const who = task ? `, ${task} runs ${percentOf(running)} of the time` : '';
    if (holdout.tickless) {
      const note = `its tick is stopped (nohz_full) while it runs in the kernel${who}: requests for a quiescent state wait for one`;
      return verdict('cpu-hog', 'TICKLESS_USER', note, task);
    }
    if ((holdout.interrupts * 1e9) / heldNs < FEW_INTERRUPTS) {
      const note = `interrupts off: it took ${holdout.interrupts} interrupts ${inTime}, ${holdout.ticks} of them ticks${who}`;
      return verdict('cpu-hog', 'IRQS_OFF', note, task);
    }
    if (shares.hardirq < IRQ_SHARE) {
      const note = `it took ${holdout.interrupts} interrupts ${inTime} and only ${holdout.ticks} ticks: its timer does not tick${who}`;
      return verdict('unknown', 'UNKNOWN', note, task);
    }
  }
  if (shares.hardirq >= IRQ_SHARE) {
    const note = `no quiescent state: interrupts take ${percentOf(shares.hardirq)} of its time`;
    return verdict('irq-storm', 'HARDIRQ_LOAD', note);
  }
  if (shares.softirq >= IRQ_SHARE) {
    const note = `no quiescent state: softirqs take ${percentOf(shares.softirq)} of its time`;
    return verdict('softirq-storm', 'SOFTIRQ_LOAD', note);
  }
  // Interrupts off, NMIs back to back and a descheduled virtual CPU all look like this; only NMI events tell them apart (T63).
  if (!visible.nmi && fewTicks) {
    const note = `took only ${holdout.ticks} timer ticks: interrupts off, NMIs or a hypervisor; record nmi:nmi_handler to tell which`;
    return verdict('unknown', 'UNKNOWN', note);
  }
  const rt = realTime(holdout, task);
  const reported = holdout.occupancyTo ?? holdout.occupancyFrom;
  if (rt && task && (holdout.ran.get(task) ?? 0) >= RT_SHARE * heldNs) {
    const what = holdout.passedBy === 'itself' ? 'its quiescent state is not reported' : 'no quiescent state';
    return verdict('cpu-hog', 'RT_HOG', `${what}: ${task} runs ${percentOf(running)} of the time${rt}`, task);
  }
  if (holdout.passedBy === 'itself' && holdout.occupancyPassed) {
    const lateNs = reported.reduce((sum, ns, kind) => sum + ns - (holdout.occupancyPassed as Occupancy)[kind], 0);
    if (lateNs >= MOST * heldNs && lateNs > LATE_NS) {
      const who = task ? `, while ${task} had it for most of the time` : '';
      const note = `passed its quiescent state after ${formatDuration(heldNs - lateNs)}, which RCU core (softirq, or rcuc/${holdout.cpu}) reported ${formatDuration(lateNs)} later${who}`;
      return verdict(task ? 'cpu-hog' : 'unknown', 'REPORT_LATENCY', note, task);
    }
  }
  if (holdout.askedNs !== undefined && holdout.askedReader && task && running >= MOST) {
    const note = `it took the interrupt that asks for its quiescent state, inside a reader: ${task} runs ${percentOf(running)} of the time`;
    return verdict('reader-running', 'READER_RUNNING_LONG', note, task);
  }
  if (busy >= MOST && task) {
    const note = `no quiescent state: ${task} runs ${percentOf(running)} of the time without one`;
    return verdict('cpu-hog', 'KERNEL_LOOP', note, task);
  }
  if (share[OCC_UNKNOWN] > MOST) return verdict('unknown', 'UNKNOWN', 'events of this CPU were lost');
  if (share[OCC_IDLE] > MOST)
    return verdict('unknown', 'UNKNOWN', 'idle most of the time, its quiescent state noticed late');
  return verdict('unknown', 'UNKNOWN', 'no quiescent state recorded');
}
