/** Soft and hard lockups, stalled workqueues, sleeping in atomic context and interrupt storms as the kernel reported them (MODEL 7.5). */
import { type Finding, formatDuration } from '../../../../../schema/index.ts';
import { background, inferred, type NoteInput, note, notesOf } from '../../../core/note.ts';
import { LOCKUP_REPEAT_NS, ONE_DUMP_NS } from '../../../knowledge/thresholds.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { Storm } from '../../../model/cpu/interrupt-load.ts';
import type { AtomicSleep, Lockup, LongInterrupts, WorkqueueLockup } from '../../../model/log/log.ts';
import type { PerfLadder } from '../../../model/log/perf-ladder.ts';
import { type LogRecord, loggedName } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { reportEvidence } from '../evidence.ts';
import { groups, recurrenceNotes } from '../recurrence.ts';
import { callers } from './locks.ts';
import { loadBehind } from './lockup-load.ts';
import type { JudgedStall } from './stalls.ts';

/** @param storms what the events of the same recording show of interrupt load */
export function detectLogLockups(log: LogRecord, stalls: readonly JudgedStall[], storms: readonly Storm[]): Finding[] {
  return [
    ...groups(log.lockups, (report) => `${report.kind} ${report.cpu}`, isAnother).map((reports) =>
      lockup(log, reports, stalls, storms),
    ),
    ...groups(log.workqueueLockups, (report) => report.pool, isLater).flatMap((reports) =>
      workqueueStall(log, reports),
    ),
    ...groups(log.atomicSleeps, (report) => `${report.how} ${report.task?.comm ?? ''} ${callers(report.stack)}`).map(
      (reports) => atomicSleep(log, reports),
    ),
    ...nmiStorms(log, stalls),
  ];
}

const WHAT_IS_CHECKED = {
  hard: 'what the kernel checks: the CPU takes its timer interrupts. It took none for ten seconds: interrupts are disabled there, or NMIs take all the time',
  soft: 'what the kernel checks: the watchdog thread gets to run on each CPU. Here kernel code has kept the CPU without a chance to schedule',
  late: 'what the kernel checks: with the scheduler feature LATENCY_WARN, a CPU that is to reschedule does so within resched_latency_warn_ms',
} as const;

/** A long pause begins another lockup, unless the CPU is stuck where it was. */
const isAnother = (last: Lockup, next: Lockup): boolean =>
  next.tsNs - last.tsNs > LOCKUP_REPEAT_NS && callers(last.stack, 4) !== callers(next.stack, 4);

const isLater = (last: { readonly tsNs: number }, next: { readonly tsNs: number }): boolean =>
  next.tsNs - last.tsNs > LOCKUP_REPEAT_NS;

function lockup(
  log: LogRecord,
  reports: readonly Lockup[],
  stalls: readonly JudgedStall[],
  storms: readonly Storm[],
): Finding {
  const [first] = reports;
  const last = reports[reports.length - 1];
  const hard = last.kind === 'hard-lockup';
  const late = last.kind === 'soft-lockup' && last.resched === true;
  const stuckS = Math.max(...reports.map((report) => (report.kind === 'soft-lockup' ? report.seconds : 0)));
  const task = last.task ?? first.task;
  const at = callers((last.stack.length > 0 ? last : first).stack, 4);
  const startNs = Math.max(0, Math.min(first.tsNs, last.tsNs - stuckS * 1e9));
  const { storm: load, spin, target, root } = loadBehind(log, last, startNs, stalls, storms);
  return identified({
    kind: hard ? 'hard-lockup' : 'soft-lockup',
    // The load, or the CPU that does not answer, is the finding; this is what it does to the CPU. The scheduler warns long before the watchdog.
    severity: late ? 'info' : load !== undefined || spin !== undefined ? 'warning' : 'error',
    confidence: 'reported',
    title: `${late ? `CPU ${last.cpu} was asked to schedule and did not` : `${hard ? 'hard' : 'soft'} lockup: CPU ${last.cpu} stuck`}${stuckS > 0 ? ` for ${late ? formatDuration(stuckS * 1e9) : `${stuckS} s`}` : ''}${task ? ` in ${task.comm}:${task.tid}` : ''}${at ? ` (${at.split(' ')[0]})` : ''}${load === undefined ? '' : `: ${load}`}`,
    start_ns: startNs,
    end_ns: last.tsNs,
    evidence: reportEvidence(log, reports.slice(0, 8), late ? 'the scheduler reports it' : 'the watchdog reports it'),
    notes: notesOf([
      background(WHAT_IS_CHECKED[late ? 'late' : hard ? 'hard' : 'soft']),
      ...(at ? [`it was in ${at}`] : []),
      ...(load === undefined ? [] : [`a consequence of ${load}`]),
      ...(spin === undefined
        ? []
        : [
            `it spins in ${spin} until ${target === undefined ? 'another CPU' : `CPU ${target}`} answers: that one keeps it`,
          ]),
      ...recurrenceNotes(reports),
    ]),
    cpu: last.cpu,
    task: task?.comm ?? '<...>',
    ...(task && { tid: task.tid }),
    ...(at && { site: at.split(' ')[0] }),
    ...(root && { root }),
  });
}

/** One finding for each work item that waits in a stalled pool; for the pool itself when the log names none. */
function workqueueStall(log: LogRecord, reports: readonly WorkqueueLockup[]): Finding[] {
  const last = reports[reports.length - 1];
  // One dump of all pools follows the complaints about several.
  const listed = new Set([
    ...reports,
    ...log.workqueueLockups.filter((other) => Math.abs(other.tsNs - last.tsNs) <= ONE_DUMP_NS),
  ]);
  const busy = [...listed]
    .flatMap((report) => report.busy)
    .filter((work) => work.pool === undefined || samePool(work.pool, last.pool));
  const inFlight = busy.filter((work) => work.state === 'in-flight');
  // Repeated reports list the same work again.
  const running = inFlight.filter(
    (work, i) => inFlight.findIndex((other) => other.tid === work.tid && other.fn === work.fn) === i,
  );
  const waiting = busy.filter((work) => work.state !== 'in-flight');
  const occupants = running.map((work) => `${work.fn}${work.tid === undefined ? '' : ` in worker ${work.tid}`}`);
  const items = waiting.length > 0 ? waiting : running.length > 0 ? running : [{ workqueue: 'unknown', fn: 'unknown' }];
  const seen = new Set<string>();
  return items
    .filter((work) => !seen.has(`${work.workqueue} ${work.fn}`) && seen.add(`${work.workqueue} ${work.fn}`))
    .slice(0, 16)
    .map((work) =>
      identified({
        kind: 'workqueue-stall',
        severity: 'error',
        confidence: 'reported',
        title: `${work.fn === 'unknown' ? `worker pool ${last.pool}` : `${work.fn} on workqueue ${work.workqueue}`} makes no progress for ${last.seconds} s${occupants.length > 0 ? `: the pool runs ${occupants.slice(0, 3).join(', ')}` : ''}`,
        start_ns: Math.max(0, last.tsNs - last.seconds * 1e9),
        end_ns: last.tsNs,
        evidence: reportEvidence(log, reports.slice(0, 8), 'the workqueue watchdog reports the pool'),
        notes: notesOf([
          background(
            'what the kernel checks: a worker pool with work on its list starts a work item at least every wq_watchdog_thresh seconds. A worker that spins keeps the others of its pool from running; one that sleeps does not',
            'T62',
          ),
          ...(reports.length > 1
            ? [`reported ${reports.length} times, the first time after ${reports[0].seconds} s`]
            : []),
        ]),
        workqueue: work.workqueue,
        pool: last.pool,
        work: work.fn,
        blocked_ns: last.seconds * 1e9,
        chain: [
          {
            kind: 'work',
            name: work.fn,
            blame_ns: running.length > 0 ? 0 : last.seconds * 1e9,
            note: `pending in pool ${last.pool}`,
          },
          ...running.slice(0, OCCUPANTS).map((run, i, shown) => ({
            kind: WAITS_FOR.poolWorker.kind,
            name: run.tid === undefined ? 'worker' : `${loggedName(log, run.tid)}:${run.tid}`,
            ...(run.tid !== undefined && { tid: run.tid }),
            // Several workers, none of which alone is to blame (W4.42).
            blame_ns: share(last.seconds * 1e9, i, shown.length),
            parent: 0,
            rule: WAITS_FOR.poolWorker.rule,
            note: `runs ${run.fn}`,
          })),
        ],
        root: {
          kind: 'workqueue-starved',
          ...(running.length === 1 &&
            running[0].tid !== undefined && { task: loggedName(log, running[0].tid), tid: running[0].tid }),
        },
      }),
    );
}

/** Occupants of a pool that a chain names. */
const OCCUPANTS = 8;

/** Part `i` of `n` equal ones; they sum to `ns`. */
const share = (ns: number, i: number, n: number): number => Math.floor((ns * (i + 1)) / n) - Math.floor((ns * i) / n);

const samePool = (a: string, b: string): boolean => a.split(' ')[0] === b.split(' ')[0];

function atomicSleep(log: LogRecord, reports: readonly AtomicSleep[]): Finding {
  const [first] = reports;
  const task = first.task ?? { comm: '<...>', tid: -1 };
  const held = first.held.map((lock) => lock.name);
  const at = callers(first.stack);
  const scheduling = first.how === 'scheduling';
  const why = [
    ...(held.length > 0 ? [`holding ${held.join(', ')}`] : []),
    ...(first.irqsDisabled ? ['interrupts disabled'] : []),
    ...(first.preemptCount ? [`preempt count ${first.preemptCount}`] : []),
  ];
  return identified({
    kind: 'sleep-in-atomic',
    severity: 'error',
    confidence: 'reported',
    title: `${task.comm}:${task.tid} ${scheduling ? 'schedules' : 'calls a function that may sleep'} in atomic context${at ? ` (${at})` : ''}${why.length > 0 ? `, ${why.join(', ')}` : ''}`,
    start_ns: first.tsNs,
    end_ns: reports[reports.length - 1].tsNs,
    evidence: reportEvidence(log, reports.slice(0, 8), 'the kernel reports it'),
    notes: notesOf([
      background(
        'what the kernel checks: code with preemption or interrupts disabled must not sleep. The CPU would go to another task while a spinlock is held or an interrupt is served, and anyone who needs that lock spins until the sleeper comes back',
      ),
      scheduling
        ? `the scheduler was entered with preempt count ${first.where}`
        : `the function says so at ${first.where}`,
      ...(reports.length > 1 ? [`reported ${reports.length} times`] : []),
    ]),
    task: task.comm,
    ...(task.tid >= 0 && { tid: task.tid }),
    held,
    call: at.split(' ')[0] || first.how,
  });
}

/** The kernel prints new maxima only, names no CPU, and the numbers are nanoseconds per interrupt (T41, T67). */
function nmiStorms(log: LogRecord, stalls: readonly JudgedStall[]): Finding[] {
  return [...log.longInterrupts.values()].flatMap((long) => {
    const behind = stalls.find(({ cause }) => cause.cause === 'nmi-storm');
    const perf = long.name === 'perf';
    if (long.count < 3 && !behind) return [];
    // The first steps of perf's ladder happen on every machine that is sampled hard.
    if (perf && long.maxNs < 20_000 && !behind) return [];
    return [storm(log, long, perf, behind)];
  });
}

/** How far the ladder went (O53). */
function ladderNotes({ firstAllowedNs, allowedNs, rateHz, merged, resets }: PerfLadder): NoteInput[] {
  const unprinted = merged > 0 ? [note(`${merged} intermediate steps were not printed`, 'O53')] : [];
  const anew = resets > 0 ? [`the allowance was reset ${resets} times in between`] : [];
  const climb = `the allowance climbed from ${formatDuration(firstAllowedNs)} to ${formatDuration(allowedNs)}, the sample rate fell to ${rateHz} Hz`;
  return [climb, ...unprinted, ...anew];
}

function storm(log: LogRecord, long: LongInterrupts, perf: boolean, behind: JudgedStall | undefined): Finding {
  const what = perf ? 'perf interrupts' : `NMI handler ${long.name}`;
  return identified({
    kind: 'nmi-storm',
    severity: behind ? 'error' : perf ? 'warning' : 'info',
    confidence: 'reported',
    // perf prints the running average of its interrupts, not one of them (kernel/events/core.c perf_sample_event_took).
    title: `${what} ${perf ? `exceeded the time allowed ${long.count} times, on average up to` : `set a new maximum ${long.count} times, longest`} ${formatDuration(long.maxNs)}${behind ? `; a grace period stalls behind them` : ''}`,
    start_ns: long.firstNs,
    end_ns: behind ? Math.max(long.lastNs, behind.endNs) : long.lastNs,
    evidence: reportEvidence(
      log,
      long.places,
      perf ? 'perf lowers its sample rate' : 'a new longest run of the handler',
    ),
    notes: notesOf([
      perf
        ? background(
            'perf keeps a running average of its interrupt and complains when it exceeds what kernel.perf_cpu_time_max_percent allows; each complaint raises the allowance by a quarter',
          )
        : background('only runs longer than all before are logged: the number of all runs is not'),
      ...(perf ? ladderNotes(log.perfLadder) : []),
      note('no CPU is named, and the share of its time is not in the log: record nmi:nmi_handler', 'T41'),
      ...(behind ? [inferred(behind.cause.why)] : []),
    ]),
    cpu: behind?.cause.cpu ?? null,
    share: null,
    count: long.count,
    max_ns: perf ? null : long.maxNs,
    ...(perf && { average_ns: long.maxNs }),
    handler: long.name,
  });
}
