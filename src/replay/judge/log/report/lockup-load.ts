/** What a lockup is a consequence of: a load on its CPU, or a CPU that does not answer it. */
import { type Root, STORM_KINDS } from '../../../../../schema/index.ts';
import { spinOf } from '../../../knowledge/stack/busy-wait-frames.ts';
import type { Storm } from '../../../model/cpu/interrupt-load.ts';
import type { Lockup } from '../../../model/log/log.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { causeOfCsdWait, csdWaitAt } from './csd.ts';
import type { JudgedStall } from './stalls.ts';

/** watchdog_thresh is 10 s by default; a hard lockup is that old when it is reported. */
const HARD_LOCKUP_NS = 10e9;

const STORM_NAMES = { nmi: 'an NMI storm', hardirq: 'an interrupt storm', softirq: 'a softirq storm' } as const;

export interface LockupLoad {
  /** `an NMI storm on CPU 1`; undefined when none is known. */
  readonly storm: string | undefined;
  /** The same as a root. */
  readonly root: Root | undefined;
  /** The function in which the CPU spins until another one answers, and which one that is, where the log tells. */
  readonly spin: string | undefined;
  readonly target: number | undefined;
}

/** @param startNs when the CPU stopped, as far as the report tells @param storms what the events of the same recording show */
export function loadBehind(
  log: LogRecord,
  report: Lockup,
  startNs: number,
  stalls: readonly JudgedStall[],
  storms: readonly Storm[],
): LockupLoad {
  const { cpu, tsNs: endNs } = report;
  const fromNs = report.kind === 'hard-lockup' ? Math.min(startNs, endNs - HARD_LOCKUP_NS) : startNs;
  const seen = storms.find((other) => other.cpu === cpu && other.startNs < endNs && other.endNs > fromNs);
  const blamed = stalls.some(
    ({ cause, stall, startNs: beganNs, endNs: lastNs }) =>
      cause.cause === 'nmi-storm' && stall.cpus.has(cpu) && beganNs < endNs && lastNs > fromNs,
  );
  const kind = seen?.kind ?? (blamed ? 'nmi' : undefined);
  const wait = csdWaitAt(log, cpu, endNs);
  const awaited = wait && causeOfCsdWait(log, wait, storms).root;
  return {
    root: kind === undefined ? awaited : { kind: STORM_KINDS[kind], cpu },
    storm: kind && `${STORM_NAMES[kind]} on CPU ${cpu}`,
    spin: spinOf({ nmiFrames: 0, irqFrames: 0, ...report }) ?? (wait && 'csd_lock_wait'),
    target: wait?.target,
  };
}
