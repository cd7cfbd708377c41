/**
 * SRCU grace periods on the way from a blocked task to its root: runs of process_srcu (their RCU waits, their readers) and what lies
 * between them (W10, W17–W19, S3.60).
 */
import { overlapNs } from '../../../core/interval.ts';
import { note } from '../../../core/note.ts';
import { splitLabel } from '../../../core/wording.ts';
import { COVERS_SHARE, LATE_NS, LONG_DELAY_NS, SLOW_NS } from '../../../knowledge/thresholds.ts';
import { srcuPeriodName, WAITS_FOR } from '../../../knowledge/waits-for.ts';
import { meansStruct } from '../../../model/srcu/identity.ts';
import type { SrcuReader } from '../../../model/srcu/reader.ts';
import type { SyncWait } from '../../../model/sync/sync-wait.ts';
import type { Task } from '../../../model/task/task.ts';
import type { WorkExecution } from '../../../model/work/workqueue.ts';
import type { LoggedReader } from '../../../record/srcu-facts.ts';
import type { Link } from '../draft.ts';
import { blameRcu } from '../rcu/grace-period.ts';
import { blameWaits, sleepText } from '../task.ts';
import { type AttributionWalk, enterTask } from '../walk.ts';
import { blameQueuedWork, blameTimer } from '../work.ts';
import { readersNotRecorded } from './causes.ts';
import { courseOf, type SrcuGpPhases, type SrcuSegment } from './segments.ts';

const ANYBODYS_RUNS = note(
  'which srcu_struct process_srcu runs for is not recorded: these runs may belong to another struct',
  'W4.20',
);

/** Probes on read sections. */
const SRCU_READER_EVENTS = ['__srcu_read_lock', '__srcu_read_unlock'];

const UNSEEN_READERS = note('its scans repeat: readers that are not recorded hold it up', 'S3.60');

/** One SRCU wait being cut. */
interface SrcuWalk {
  readonly wait: SyncWait;
  readonly course: SrcuGpPhases;
  readonly period: Link;
  /** Readers of the struct that overlap the wait. */
  readonly readers: readonly SrcuReader[];
  /** Scans repeat for readers that are not recorded (S3.60 ii). */
  readonly unseenReaders: boolean;
}

export function blameSrcu(walk: AttributionWalk, waiter: Link, wait: SyncWait, fromNs: number, toNs: number): void {
  const { timeline, draft } = walk;
  const course = courseOf(timeline, wait, fromNs, toNs);
  const event = course.served?.startEvent || wait.startEvent;
  const period = waiter.waitsFor(WAITS_FOR.srcuGp, srcuPeriodName(wait.domain), { event });
  citeWork(walk, wait, fromNs, course.served?.startNs ?? toNs);
  const driven = timeline.data.srcuPeriods.some((gp) => meansStruct(wait.domain, gp.domain));
  if (course.runs.length === 0 && !driven && throughStall(walk, period, wait, fromNs, toNs)) return;
  if (course.anybodys) draft.inferredBy.add(ANYBODYS_RUNS);
  const readers = timeline.readersHolding(wait.domain, toNs, fromNs);
  const unseenReaders = readersNotRecorded(timeline, wait, course);
  const cut: SrcuWalk = { wait, course, period, readers, unseenReaders };
  for (const segment of course.segments) blameSegment(walk, cut, segment);
}

function blameSegment(walk: AttributionWalk, cut: SrcuWalk, segment: SrcuSegment): void {
  const { kind, fromNs, toNs, run, late } = segment;
  const { draft } = walk;
  const ns = toNs - fromNs;
  const held = lastReader(cut.readers, fromNs, cut.wait.task) !== undefined;
  switch (kind) {
    case 'run':
      if (run) blameRun(walk, cut, run, fromNs, toNs);
      return;
    case 'queued':
      if (late && ns >= LATE_NS && !held) blameQueuedWork(walk, cut.period, late, fromNs, toNs);
      else betweenRuns(walk, cut, fromNs, toNs);
      return;
    case 'timer': {
      const cpu = late?.cpu ?? cut.course.runs.find((next) => next.startNs >= toNs)?.cpu ?? -1;
      const due = ns >= LONG_DELAY_NS && !held;
      if (!due || !blameTimer(walk, cut.period, 'process_srcu', cpu, fromNs, toNs))
        betweenRuns(walk, cut, fromNs, toNs);
      return;
    }
    case 'irq-work':
      if (ns < LATE_NS) betweenRuns(walk, cut, fromNs, toNs);
      else {
        const hop = { note: 'had yet to queue process_srcu' };
        cut.period.waitsFor(WAITS_FOR.srcuIrqWork, 'srcu_irq_work', hop).blame(ns);
        draft.root({ kind: 'unknown' }, ns);
      }
      return;
    case 'requested':
    case 'between':
      betweenRuns(walk, cut, fromNs, toNs);
      return;
    case 'callbacks-queued':
      if (late && ns >= LATE_NS) blameQueuedWork(walk, cut.period, late, fromNs, toNs);
      else afterEnd(walk, cut, fromNs, toNs);
      return;
    default:
      afterEnd(walk, cut, fromNs, toNs);
  }
}

/** The grace period had ended; its callbacks had to be queued, to get a worker, and to run (S3.16, W20). */
function afterEnd(walk: AttributionWalk, { period, course }: SrcuWalk, fromNs: number, toNs: number): void {
  const { draft } = walk;
  const ns = toNs - fromNs;
  const callbacks = course.served?.callbacks;
  if (ns < walk.minCitedNs) period.blame(ns);
  else {
    const event = callbacks?.queueEvent || callbacks?.startEvent || 0;
    const shown = { note: 'the grace period had ended', rules: ['S3.16'], event };
    period.waitsFor(WAITS_FOR.srcuCallbacks, 'srcu_invoke_callbacks', shown).blame(ns);
  }
  draft.root({ kind: 'unknown' }, ns);
}

/**
 * No worker recorded: an SRCU grace period that lasts as long as a slow RCU grace period waits for it, as SRCU-fast does
 * (S3.14, S3.60 i without its proof). False when no grace period covers most of the wait.
 */
function throughStall(walk: AttributionWalk, period: Link, wait: SyncWait, fromNs: number, toNs: number): boolean {
  const covered = walk.timeline
    .periodsLongerThan(SLOW_NS)
    .some((gp) => overlapNs(fromNs, toNs, gp.startNs, gp.endNs ?? toNs) >= COVERS_SHARE * (toNs - fromNs));
  if (!covered) return false;
  walk.draft.inferredBy.add(
    note(
      'no process_srcu worker is recorded; the SRCU grace period lasts as long as a slow RCU one, as with SRCU-fast',
      'S3.60',
    ),
  );
  const worker = period.waitsFor(WAITS_FOR.worker, 'worker in process_srcu', {
    note: 'not recorded; inferred from the RCU grace period that lasts as long',
    rules: ['S3.60'],
  });
  blameRcu(walk, worker, wait, fromNs, toNs);
  return true;
}

/** How the grace periods of the struct began and ended: when process_srcu was queued, and the callbacks that followed. */
function citeWork(walk: AttributionWalk, wait: SyncWait, fromNs: number, lastStartNs: number): void {
  const { evidence } = walk.draft;
  const { srcuPeriods, srcuRuns } = walk.timeline.data;
  for (const gp of srcuPeriods) {
    if (!meansStruct(wait.domain, gp.domain) || gp.startNs > lastStartNs) continue;
    const { callbacks } = gp;
    if ((callbacks?.startNs ?? gp.endNs ?? Number.POSITIVE_INFINITY) <= fromNs) continue;
    evidence.cite(gp.startEvent, `process_srcu is queued for ${gp.domain}`);
    for (const run of srcuRuns) {
      const before = run.startNs >= gp.startNs && run.startNs < fromNs;
      if (before && run.domain === gp.domain) citeRun(walk, run, walk.timeline.workerLabel(run), 0);
    }
    if (!callbacks) continue;
    evidence.cite(callbacks.queueEvent, `callbacks of ${gp.domain} are queued`);
    evidence.cite(callbacks.startEvent, 'they run');
    evidence.cite(callbacks.endEvent, 'they are done');
  }
}

/** Nothing executes: readers keep the grace period from ending, or it is delayed. */
function betweenRuns(walk: AttributionWalk, cut: SrcuWalk, fromNs: number, toNs: number): void {
  const { draft } = walk;
  for (let cursor = fromNs; cursor < toNs; ) {
    const reader = lastReader(cut.readers, cursor, cut.wait.task);
    if (!reader) {
      const ns = toNs - cursor;
      const { wait } = cut;
      const logged = walk.timeline.loggedReader(wait.domain, wait.startNs, walk.timeline.end(wait));
      if (logged && logged.tid !== wait.tid) {
        blameLoggedReader(walk, cut.period, logged, cursor, toNs);
        return;
      }
      if (cut.unseenReaders) draft.inferredBy.add(UNSEEN_READERS);
      cut.period.blame(ns, cut.unseenReaders ? UNSEEN_READERS.text : undefined);
      draft.root({ kind: cut.unseenReaders ? 'srcu-reader' : 'unknown' }, ns);
      return;
    }
    const leftNs = Math.min(toNs, reader.endNs ?? toNs);
    blameReader(walk, cut.period, reader, cursor, leftNs);
    cursor = leftNs;
  }
}

/** A reader that no event shows; the kernel's list of held locks names it while the wait lasts. */
function blameLoggedReader(
  walk: AttributionWalk,
  period: Link,
  { tid, label, lock, event }: LoggedReader,
  fromNs: number,
  toNs: number,
): void {
  walk.draft.evidence.cite(event, `the kernel's list of held locks: ${label} holds ${lock}`);
  const note = [`reader of ${lock}, by the kernel's list of held locks`, sleepText(walk.timeline, tid, fromNs, toNs)]
    .filter((part) => part)
    .join(', ');
  const met = { label, tid, note, event };
  enterTask(walk, period, { edge: WAITS_FOR.srcuReader, ...met }, toNs - fromNs, (link) => {
    const ownNs = blameWaits(walk, link, met, fromNs, toNs);
    if (ownNs > 0) walk.draft.root({ kind: 'srcu-reader', ...splitLabel(label) }, ownNs);
  });
}

/** A reader that keeps an SRCU grace period from ending: what was *it* doing? */
function blameReader(walk: AttributionWalk, period: Link, reader: SrcuReader, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const task = reader.task;
  const label = timeline.label(task);
  const who = { task: timeline.name(task), tid: task.tid };
  citeReader(walk, reader, label, toNs - fromNs);
  const note = [`reader of ${reader.domain}`, sleepText(timeline, task.tid, fromNs, toNs)]
    .filter((part) => part)
    .join(', ');
  const met = { label, tid: task.tid, note, event: reader.event };
  enterTask(walk, period, { edge: WAITS_FOR.srcuReader, ...met }, toNs - fromNs, (link) => {
    const ownNs = blameWaits(walk, link, met, fromNs, toNs, reader.sinceNs);
    if (ownNs > 0) draft.root({ kind: 'srcu-reader', ...who }, ownNs);
  });
}

/** Short sections are evidence as a range: there may be thousands. */
function citeReader(walk: AttributionWalk, reader: SrcuReader, label: string, ns: number): void {
  const { evidence } = walk.draft;
  const { event, endEvent, domain } = reader;
  if (ns >= walk.minCitedNs || reader.endNs === null) {
    evidence.cite(event, `${label} enters srcu_read_lock(${domain})`);
    evidence.cite(endEvent, `${label} leaves srcu_read_lock(${domain})`);
  } else evidence.range(event, endEvent, { events: SRCU_READER_EVENTS }, 'SRCU read sections');
}

/** One execution of process_srcu: the worker's RCU waits (W18), the rest is its own or its readers' (S3.60). */
function blameRun(walk: AttributionWalk, cut: SrcuWalk, run: WorkExecution, fromNs: number, toNs: number): void {
  const { timeline } = walk;
  const label = timeline.workerLabel(run);
  citeRun(walk, run, label, toNs - fromNs);
  const waits = timeline.waitsOf(run.workerTid, fromNs, toNs);
  const reader = waits.length === 0 ? lastReader(cut.readers, fromNs, cut.wait.task) : undefined;
  if (reader) {
    // A short scan that found a reader: part of waiting for it.
    citeReader(walk, reader, timeline.label(reader.task), toNs - fromNs);
    cut.period.blame(toNs - fromNs);
    return;
  }
  const worker = { tid: run.workerTid, note: 'runs process_srcu', event: run.startEvent };
  const link = cut.period.waitsFor(WAITS_FOR.worker, label, worker);
  link.passThrough(toNs - fromNs);
  blameWaits(walk, link, { label, tid: run.workerTid }, fromNs, toNs);
}

/** The run, everything that its worker recorded during it, and how its srcu_struct is known. */
function citeRun(walk: AttributionWalk, run: WorkExecution, label: string, ns: number): void {
  const { evidence } = walk.draft;
  const { startEvent, endEvent, workerTid } = run;
  if (ns >= walk.minCitedNs) {
    evidence.cite(run.queueEvent, `${run.fn} is queued`);
    evidence.cite(startEvent, `${label} starts ${run.fn}`);
  }
  evidence.range(startEvent, endEvent || walk.timeline.data.lastEvent, { tid: workerTid }, `what ${label} did`);
  const source = run.domainSource;
  if (!source || source.startEvent === startEvent) return;
  evidence.cite(source.event, `an earlier execution of this work item names its srcu_struct ${run.domain}`);
  const worker = source.workerTid === workerTid ? label : `worker ${source.workerTid}`;
  evidence.range(source.startEvent, source.endEvent, { tid: source.workerTid }, `what ${worker} did`);
}

/** The reader open at `atNs` that leaves last; the waiter's own section counts (self-wait, S3.23). */
function lastReader(readers: readonly SrcuReader[], atNs: number, waiter: Task): SrcuReader | undefined {
  let last: SrcuReader | undefined;
  for (const reader of readers) {
    if ((reader.endNs ?? Number.POSITIVE_INFINITY) <= atNs || reader.sinceNs > atNs) continue;
    if (reader.task === waiter) return reader;
    if (!last || (reader.endNs ?? Number.POSITIVE_INFINITY) > (last.endNs ?? Number.POSITIVE_INFINITY)) last = reader;
  }
  return last;
}
