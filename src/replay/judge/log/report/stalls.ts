/** RCU stalls and starved grace-period kthreads as the kernel reported them (MODEL 7.3). */
import { type ChainLink, type Finding, formatDuration, STORM_KINDS } from '../../../../../schema/index.ts';
import { background, inferred, type NoteInput, note, notesOf } from '../../../core/note.ts';
import { percent } from '../../../core/wording.ts';
import { spinOf } from '../../../knowledge/stack/busy-wait-frames.ts';
import { WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { Storm } from '../../../model/cpu/interrupt-load.ts';
import { type JiffiesReading, readJiffies } from '../../../model/log/jiffies.ts';
import type { LogStall, StallReport } from '../../../model/log/stall.ts';
import { type LogRecord, loggedName } from '../../../record/log-record.ts';
import { identified } from '../../finding-id.ts';
import { causeOfStall, type LogCause } from '../chain/cause.ts';
import { STORMS } from '../chain/storm-roots.ts';
import { reportEvidence } from '../evidence.ts';
import { groups, recurrenceNotes, recurrenceOf, recurringStalls } from '../recurrence.ts';
import { causeOfCsdWait, csdWaitAt } from './csd.ts';

/** A stall with what it means in time. */
export interface JudgedStall {
  readonly stall: LogStall;
  readonly startNs: number;
  readonly endNs: number;
  /** Undefined: the report does not say how long the grace period lasts. */
  readonly reading: JiffiesReading | undefined;
  readonly hz: number | undefined;
  readonly cause: LogCause;
  /** `CPU 1`, `reader lab_rcuread:81`. */
  readonly who: string;
}

/** @param storms what the events of the same recording show of interrupt load */
export function judgeStalls(log: LogRecord, hz: number | undefined, storms: readonly Storm[]): JudgedStall[] {
  return log.stalls.map((stall) => {
    const { first, last } = stall;
    const reading = first.jiffies === undefined ? undefined : readJiffies(first.jiffies, hz);
    const perSecond = hz ?? reading?.hz;
    const lengthNs = first.jiffies !== undefined && perSecond !== undefined ? (first.jiffies * 1e9) / perSecond : 0;
    const startNs = Math.max(0, first.tsNs - lengthNs);
    const lastNs = last.jiffies !== undefined && perSecond !== undefined ? (last.jiffies * 1e9) / perSecond : 0;
    const readers = [...stall.tasks.keys()].map((tid) => `reader ${loggedName(log, tid)}:${tid}`);
    const cpus = [...stall.cpus.keys()].sort((a, b) => a - b).map((cpu) => `CPU ${cpu}`);
    return {
      stall,
      startNs,
      // A log without times still tells how long the stall lasts; times are not negative.
      endNs: Math.max(last.tsNs, startNs + lastNs),
      reading,
      hz: perSecond,
      cause: observedCause(
        answerMissing(log, causeOfStall(log, stall, startNs), last.tsNs, storms),
        stall,
        startNs,
        storms,
      ),
      who: [...cpus, ...readers].join(', ') || 'holdouts that the report does not name',
    };
  });
}

/** The CPU spins for another one, which a CSD-lock report names: what keeps that one. */
function answerMissing(log: LogRecord, cause: LogCause, atNs: number, storms: readonly Storm[]): LogCause {
  const wait = cause.spin !== undefined && cause.cpu !== undefined ? csdWaitAt(log, cause.cpu, atNs) : undefined;
  if (wait?.target === undefined) return cause;
  const { root, why } = causeOfCsdWait(log, wait, storms);
  const { kind, cpu, tid } = root;
  const text = `CPU ${wait.cpu} spins in ${cause.spin} until CPU ${wait.target} answers; ${why}`;
  return { cause: kind, ...(cpu !== undefined && { cpu }), ...(tid !== undefined && { tid }), why: text };
}

/** Where the log does not tell why: a storm that events show on one of the CPUs that the kernel waits for, in the middle of a recording too. */
function observedCause(cause: LogCause, stall: LogStall, startNs: number, storms: readonly Storm[]): LogCause {
  if (cause.cause !== 'unknown') return cause;
  const storm = storms.find(
    (other) => stall.cpus.has(other.cpu) && other.startNs <= stall.last.tsNs && other.endNs >= startNs,
  );
  if (!storm) return cause;
  const { kind, cpu } = storm;
  const share = percent(storm.busyNs / Math.max(1, storm.endNs - storm.startNs));
  const why = `events show ${kind === 'nmi' ? 'NMIs' : kind === 'hardirq' ? 'interrupts' : 'softirqs'} taking ${share} of CPU ${cpu} during the stall`;
  return { cause: STORM_KINDS[kind], cpu, why };
}

/** @param apart events show grace periods: each stall is one of them */
export function detectLogStalls(log: LogRecord, judged: readonly JudgedStall[], apart: boolean): Finding[] {
  const recurring = apart ? judged.map((entry) => [entry]) : recurringStalls(judged);
  return [
    ...recurring.flatMap((entries) =>
      entries.length < FEWEST_RECURRENCES
        ? entries.map((entry) => stallFinding(log, entry))
        : [recurringStall(log, entries)],
    ),
    ...(apart ? judged.map((entry) => [entry]) : groups(judged, starvationOf)).flatMap((entries) =>
      starvedKthread(log, entries),
    ),
  ];
}

/** One cause that held up grace period after grace period. */
function recurringStall(log: LogRecord, entries: readonly JudgedStall[]): Finding {
  const [first] = entries;
  const finding = stallFinding(log, first);
  const recurrence = recurrenceOf(entries);
  const { count, period_ns, longest_ns } = recurrence;
  const { flavor, expedited } = first.stall;
  const every = period_ns > 0 ? `, every ${formatDuration(period_ns)}` : '';
  const longest = longest_ns > 0 ? `, longest ${formatDuration(longest_ns)}` : '';
  return identified({
    ...(finding as Finding & { readonly kind: 'rcu-stall' }),
    severity: entries.some(({ stall, hz }) => !isBrief(log, stall, hz)) ? 'error' : 'info',
    title: `${count} ${flavor} ${expedited ? 'expedited ' : ''}grace periods stalled${every}${longest}: wait for ${first.who}, cause ${first.cause.cause}`,
    end_ns: Math.max(...entries.map(({ endNs }) => endNs)),
    evidence: reportEvidence(
      log,
      entries.flatMap(({ stall }) => stall.places.slice(0, 1)).slice(0, MAX_RECURRENCES),
      'the kernel warns of the stall',
    ),
    notes: notesOf([
      ...finding.notes,
      ...recurrenceNotes(entries.map(({ stall }) => stall.first)),
      `grace periods ${recurrence.gp_seqs.slice(0, MAX_RECURRENCES).join(', ')}${recurrence.gp_seqs.length > MAX_RECURRENCES ? ', …' : ''}`,
    ]),
    recurrence,
  });
}

/** Two stalls have a distance, three a period. */
const FEWEST_RECURRENCES = 3;
/** Recurring reports that evidence and notes name. */
const MAX_RECURRENCES = 8;

const starvationOf = ({ stall, who }: JudgedStall): string => {
  const { kthread } = stall.last.kthread?.kind === 'starved' ? stall.last : stall.first;
  return [stall.flavor, kthread?.cpu ?? '', kthread?.state ?? '', kthread?.taskState ?? '', who].join(' ');
};

function stallFinding(log: LogRecord, { stall, startNs, endNs, reading, hz, cause, who }: JudgedStall): Finding {
  const { flavor, first, last, gpSeq, eventSeq, expedited } = stall;
  const cpus = [...stall.cpus.keys()].sort((a, b) => a - b);
  const tasks = [...stall.tasks.keys()].map((tid) => `${loggedName(log, tid)}:${tid}`).sort();
  const length = endNs > startNs ? ` for ${formatDuration(endNs - startNs)}` : '';
  const period = `${flavor} ${expedited ? 'expedited ' : ''}grace period${eventSeq === null ? '' : ` ${eventSeq}`}`;
  const brief = isBrief(log, stall, hz);
  const age = (report: StallReport): number => (hz === undefined ? 0 : ((report.jiffies ?? 0) * 1e9) / hz);
  const later = Math.max(last.tsNs - first.tsNs, age(last) - age(first));
  const falsePositive = last.cpus.some((cpu) => cpu.falsePositive);
  return identified({
    kind: 'rcu-stall',
    severity: brief ? 'info' : 'error',
    confidence: 'reported',
    title: `${period} stalled${length}: waits for ${who}, cause ${cause.cause}`,
    start_ns: Math.max(0, startNs),
    end_ns: endNs,
    evidence: reportEvidence(log, stall.places, 'the kernel warns of the stall'),
    notes: notesOf([
      background(
        'what the kernel checks: within rcu_cpu_stall_timeout of the start of a grace period every CPU must pass through a quiescent state, and every reader that began before must leave its section',
      ),
      inferred(cause.why),
      ...(first.how === 'self' ? [note(`CPU ${cpus[0] ?? '?'} detected its own stall`, 'R2.44')] : []),
      ...(first.detectedBy === undefined ? [] : [note(`CPU ${first.detectedBy} detected it`, 'R2.43')]),
      ...(expedited && gpSeq !== null
        ? [note(`s: ${gpSeq} is its running sequence, ${eventSeq} its end value`, 'R2.47')]
        : []),
      ...(expedited && brief ? [] : lengthNotes(first.jiffies, reading)),
      ...(stall.reports > 1
        ? [
            note(
              `reported ${stall.reports} times${later > 0 ? `, last ${formatDuration(later)} after the first` : ''}`,
              'G3.2',
            ),
          ]
        : []),
      ...(last.timer && cause.cause !== 'timer-lost'
        ? [
            note(
              `the kthread's timer did not fire for ${last.timer.jiffies} jiffies${last.timer.cpu === undefined ? '' : `: possible timer handling issue on CPU ${last.timer.cpu}`}`,
              'R2.45',
            ),
          ]
        : []),
      ...expeditedNotes(brief, first.jiffies, expedited),
      ...(last.ended || first.ended ? ['the stall ended while it was being reported'] : []),
      ...(last.suppressed ? ['the full report was suppressed because of a stuck CSD lock'] : []),
      ...(falsePositive ? ['the kernel marks it (false positive?): the CPU moved on between two looks'] : []),
      ...(stall.tasks.size >= 8 ? ['the kernel lists at most 8 tasks per node: there may be more'] : []),
    ]),
    flavor,
    gp_seq: eventSeq,
    cpus,
    tasks,
    cause: cause.cause,
    ...(cause.cpu !== undefined && !stall.cpus.has(cause.cpu) && { cause_cpu: cause.cpu }),
    ...(expedited && { expedited: true }),
  });
}

/** An expedited stall of less than this is a late CPU, not a stuck one, unless somebody waited for long. */
const BRIEF_NS = 1e9;
/** Without HZ: a second at the slowest. */
const BRIEF_JIFFIES = 100;

function isBrief(log: LogRecord, stall: LogStall, hz: number | undefined): boolean {
  const { jiffies } = stall.last;
  if (!stall.expedited || jiffies === undefined) return false;
  const brief = hz === undefined ? jiffies < BRIEF_JIFFIES : (jiffies * 1e9) / hz < BRIEF_NS;
  return brief && !log.hung.some((hung) => hung.verdict.resource === 'rcu-expedited');
}

function expeditedNotes(brief: boolean, jiffies: number | undefined, expedited: boolean): string[] {
  if (!expedited || jiffies === undefined) return [];
  return [
    `${jiffies} jiffies since the expedited grace period began; the kernel warns after CONFIG_RCU_EXP_CPU_STALL_TIMEOUT (ms; 0: as for normal grace periods)${brief ? ': a short one was set, and nothing in the log waited for long' : ''}`,
  ];
}

function lengthNotes(jiffies: number | undefined, reading: JiffiesReading | undefined): NoteInput[] {
  if (jiffies === undefined) return [];
  if (reading === undefined) return [`t=${jiffies} jiffies since the grace period began; HZ is not known`];
  return [
    note(
      `t=${jiffies} jiffies since the grace period began: HZ ${reading.hz}, timeout ${reading.timeoutS} s${reading.certain ? '' : ' (another HZ fits, too)'}`,
      'P0.1',
      'R2.62',
    ),
  ];
}

/** @param entries reports of one starvation; the longest is shown */
function starvedKthread(log: LogRecord, entries: readonly JudgedStall[]): Finding[] {
  const jiffiesOf = ({ stall }: JudgedStall): number =>
    stall.last.kthread?.jiffies ?? stall.first.kthread?.jiffies ?? 0;
  const { stall, startNs, reading, cause } = entries.reduce((a, b) => (jiffiesOf(b) > jiffiesOf(a) ? b : a));
  const { flavor, last, first } = stall;
  const report = last.kthread?.kind === 'starved' ? last : first;
  const { kthread } = report;
  if (kthread?.kind !== 'starved') return [];
  const blockedNs = reading ? (kthread.jiffies * 1e9) / reading.hz : 0;
  const onHoldout = kthread.cpu !== undefined && stall.cpus.has(kthread.cpu);
  const spin = kthread.cpu === undefined ? undefined : spinOf(log.cpuDumps.get(kthread.cpu));
  // A CPU that spins for an answer waits for the holdout, too.
  const victim = onHoldout || (spin !== undefined && stall.cpus.size > 0);
  // The kernel says "starved" of every kthread that did not run; its state tells whether it waited for a CPU.
  const asleep = kthread.taskState !== undefined && kthread.taskState !== '0x0';
  const lasting = blockedNs > 0 ? formatDuration(blockedNs) : `${kthread.jiffies} jiffies`;
  const where = kthread.cpu === undefined ? '' : ` (CPU ${kthread.cpu})`;
  return [
    identified({
      kind: 'gp-kthread-starved',
      // Held up by the same load as the stall itself: a victim (T33).
      severity: victim ? 'warning' : 'error',
      confidence: 'reported',
      title: `${flavor} kthread ${asleep ? 'was not woken' : 'got no CPU'} for ${lasting}${where}`,
      start_ns: Math.max(0, blockedNs > 0 ? Math.max(startNs, report.tsNs - blockedNs) : startNs),
      end_ns: report.tsNs,
      evidence: reportEvidence(log, [report], 'the stall report says that the kthread starved'),
      notes: notesOf([
        'grace periods are driven by this kthread: while it does not run, none ends',
        `it was in ${kthread.state}`,
        ...(asleep
          ? [
              note(
                `its state is ${kthread.taskState}: it sleeps and waits for no CPU; a lost timer leaves it so`,
                'R2.45',
              ),
            ]
          : []),
        ...recurrenceNotes(entries.map((entry) => entry.stall.first)),
        ...(spin === undefined ? [] : [`CPU ${kthread.cpu} spins in ${spin} until another CPU answers`]),
        onHoldout
          ? note(
              `it belongs on CPU ${kthread.cpu}, which holds the grace period up: a victim of the same load, not the cause`,
              'T33',
            )
          : victim
            ? note('a victim of the CPU that does not answer, not the cause', 'T33')
            : note('whether it is cause or victim depends on what runs on its CPU', 'T33'),
      ]),
      flavor,
      blocked_ns: Math.round(blockedNs),
      chain: [
        {
          kind: 'kthread',
          name: `${flavor} kthread`,
          blame_ns: victim ? 0 : Math.round(blockedNs),
          note: `in ${kthread.state}`,
        },
        ...(onHoldout
          ? starvedBehind(kthread.cpu as number, cause, Math.round(blockedNs))
          : victim
            ? starvedBehind(cause.cpu ?? [...stall.cpus.keys()][0], cause, Math.round(blockedNs))
            : []),
      ],
      root: victim
        ? { kind: cause.cause, ...(cause.cpu !== undefined && { cpu: cause.cpu }) }
        : {
            kind: 'gp-kthread-starved',
            ...(asleep && { code: 'GPKTHREAD_NOT_WOKEN' as const }),
            ...(kthread.cpu !== undefined && { cpu: kthread.cpu }),
          },
    }),
  ];
}

/** The CPU that the kthread waits for, and what the stall is blamed on there. */
function starvedBehind(cpu: number, cause: JudgedStall['cause'], ns: number): ChainLink[] {
  const storm = STORMS[cause.cause];
  const { kind, rule } = WAITS_FOR.cpu;
  const here: ChainLink = { kind, name: `CPU ${cpu}`, cpu, blame_ns: storm ? 0 : ns, parent: 0, rule };
  if (!storm) return [here];
  const { edge, name } = storm;
  return [here, { kind: edge.kind, name, cpu, blame_ns: ns, parent: 1, rule: edge.rule }];
}
