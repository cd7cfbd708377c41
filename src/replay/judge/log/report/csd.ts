/**
 * CPUs that spin because another one does not do the function call that they asked for, as the kernel reports it, and what keeps the other one:
 * a load of interrupts that events or the log show, or the code in which its backtrace finds it (kernel/smp.c csd_lock_wait_toolong).
 */
import {
  type ChainLink,
  type Finding,
  formatDuration,
  type LogBacktrace,
  type Root,
  STORM_KINDS,
} from '../../../../../schema/index.ts';
import { background, inferred, note, notesOf } from '../../../core/note.ts';
import { spinOf } from '../../../knowledge/stack/busy-wait-frames.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { Storm } from '../../../model/cpu/interrupt-load.ts';
import type { LogCsdWait } from '../../../model/log/csd.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { contextOfDump, nmiTrouble, nmiWords } from '../chain/cause.ts';
import { STORMS } from '../chain/storm-roots.ts';
import { reportEvidence } from '../evidence.ts';

/** Why the target does not answer. */
export interface CsdCause {
  readonly root: Root;
  readonly why: string;
  /** Another finding tells of it. */
  readonly consequence: boolean;
}

/** Repetitions come after multiples of csd_lock_timeout, on large machines at longer and longer intervals. */
const REPEATED_WITHIN_NS = 60e9;

/** @param storms what the events of the same recording show of interrupt load */
export function detectCsdLocks(log: LogRecord, storms: readonly Storm[]): Finding[] {
  return log.csdWaits.map((wait) => csdLock(log, wait, causeOfCsdWait(log, wait, storms)));
}

/** The wait of a CPU that lasts at a time. */
export function csdWaitAt(log: LogRecord, cpu: number, atNs: number): LogCsdWait | undefined {
  return log.csdWaits.find(
    (wait) => wait.cpu === cpu && wait.sinceNs <= atNs && (wait.endNs ?? wait.lastNs + REPEATED_WITHIN_NS) >= atNs,
  );
}

export function causeOfCsdWait(log: LogRecord, wait: LogCsdWait, storms: readonly Storm[]): CsdCause {
  const { target, sinceNs, lastNs } = wait;
  if (target === undefined)
    return { root: { kind: 'unknown' }, why: 'the report does not say which CPU it waits for', consequence: false };
  const storm = storms.find((other) => other.cpu === target && other.startNs < lastNs && other.endNs > sinceNs);
  if (storm) {
    const why = `events show a storm on CPU ${target} during the wait`;
    return { root: { kind: STORM_KINDS[storm.kind], cpu: target }, why, consequence: true };
  }
  const trouble = nmiTrouble(log, sinceNs, lastNs);
  if (trouble) return { root: { kind: 'nmi-storm', cpu: target }, why: nmiWords(trouble), consequence: true };
  const other = csdWaitAt(log, target, lastNs);
  const unknown: Root = { kind: 'unknown', cpu: target };
  if (other)
    return {
      root: unknown,
      why: `CPU ${target} itself waits for CPU ${other.target ?? '?'}`,
      consequence: other !== wait,
    };
  return causeOfDump(wait, target, dumpOf(wait, target)) ?? { root: unknown, why: handled(wait), consequence: false };
}

/** Code that takes no interrupt for as long as that has them off: the kernel sent the interrupt again and again. */
function causeOfDump(wait: LogCsdWait, cpu: number, dump: LogBacktrace | undefined): CsdCause | undefined {
  if (!dump || dump.idle || dump.userMode) return undefined;
  const frame = dump.stack[(dump.nmiFrames ?? 0) + (dump.irqFrames ?? 0)];
  const spin = spinOf(dump);
  if (spin !== undefined)
    return {
      root: { kind: 'unknown', cpu },
      why: `CPU ${cpu} spins in ${spin} until another CPU answers`,
      consequence: false,
    };
  if (frame === undefined || contextOfDump(dump) === 'idle') return undefined;
  const task = dump.task && { task: dump.task.comm, tid: dump.task.tid };
  const handling = wait.last.handling;
  return {
    root: { kind: 'cpu-hog', ...(handling === 'nothing' && { code: 'IRQS_OFF' as const }), cpu, ...task },
    why: `${handled(wait)}; its backtrace shows ${task ? `${task.task}:${task.tid} ` : ''}in ${frame}`,
    consequence: false,
  };
}

function dumpOf({ places }: LogCsdWait, cpu: number): LogBacktrace | undefined {
  for (const { dumps } of places.toReversed()) {
    const dump = dumps?.find((candidate) => candidate.cpu === cpu);
    if (dump) return dump;
  }
  return undefined;
}

function handled({ target, last }: LogCsdWait): string {
  const { handling, handlingFn } = last;
  if (handling === 'another')
    return `CPU ${target} has been running ${handlingFn ?? 'the function of another request'} for a request before`;
  if (handling === 'this') return `CPU ${target} runs the function and does not come back from it`;
  return `CPU ${target} does not take the interrupt`;
}

function csdLock(log: LogRecord, wait: LogCsdWait, { root, why, consequence }: CsdCause): Finding {
  const { cpu, target, fn, sinceNs, lastNs, endNs, places, reports } = wait;
  const waitedNs = Math.max(0, lastNs - sinceNs);
  const there = target === undefined ? 'another CPU' : `CPU ${target}`;
  const spinner: ChainLink = {
    kind: 'cpu',
    name: `CPU ${cpu}`,
    cpu,
    blame_ns: 0,
    note: `spins until ${there} has run ${fn ?? 'its function call'}`,
  };
  return identified({
    kind: 'csd-lock',
    severity: consequence ? 'warning' : 'error',
    confidence: 'reported',
    title: `CPU ${cpu} spins for ${waitedNs > 0 ? formatDuration(waitedNs) : 'long'} until ${there} runs ${fn ?? 'its function call'}`,
    start_ns: Math.max(0, sinceNs),
    end_ns: lastNs,
    evidence: reportEvidence(log, places, 'the kernel reports that a function call is not answered'),
    notes: notesOf([
      background(
        'what the kernel checks: smp_call_function() and its relatives are answered within csd_lock_timeout (5 s by default); the caller spins until then with preemption disabled',
      ),
      note(why, 'W29'),
      ...(reports > 1 ? [`reported ${reports} times`] : []),
      endNs === undefined
        ? inferred('the log does not show the answer')
        : `the answer came ${formatDuration(waitedNs)} after the request`,
    ]),
    cpu,
    ...(target !== undefined && { target }),
    ...(fn !== undefined && { call: fn }),
    blocked_ns: waitedNs,
    chain: [spinner, ...chainBelow(target, root, waitedNs)],
    root,
  });
}

function chainBelow(target: number | undefined, { kind, task, tid }: Root, ns: number): ChainLink[] {
  if (target === undefined) return [];
  const storm = STORMS[kind];
  const below = storm
    ? { ...storm.edge, name: storm.name, cpu: target }
    : task === undefined
      ? undefined
      : { ...WAITS_FOR.cpuOwner, name: `${task}:${tid}`, ...(tid !== undefined && { tid }) };
  const silent: ChainLink = {
    ...WAITS_FOR.answer,
    name: `CPU ${target}`,
    cpu: target,
    blame_ns: below ? 0 : ns,
    parent: 0,
  };
  return below ? [silent, { ...below, blame_ns: ns, parent: 1 }] : [silent];
}
