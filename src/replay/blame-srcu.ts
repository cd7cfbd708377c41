/**
 * SRCU grace periods on the way from a blocked task to its root: passes of process_srcu (their RCU waits, their readers) and what lies
 * between them (W10, W17–W19, S3.60).
 */
import { blameRcu } from './blame-rcu.ts';
import { blameWaits, sleepText, type TaskLink } from './blame-task.ts';
import type { BlameWalk } from './blame-walk.ts';
import { blameQueuedWork } from './blame-work.ts';
import type { SrcuGracePeriod } from './model/srcu-gp.ts';
import type { SrcuReader } from './model/srcu-reader.ts';
import type { SyncWait } from './model/sync-wait.ts';
import type { Task } from './model/task.ts';
import type { LateWork, WorkExecution } from './model/workqueue.ts';
import { servingPeriod } from './wait-phases.ts';

/** Callbacks are queued in the pass that ends the grace period. */
const LATE_QUEUE_NS = 1e6;

const ANYBODYS_PASSES =
  'for which srcu_struct process_srcu runs is not recorded: its passes may be those of another struct (W4.20)';

/** Probes on read sections. */
const SRCU_READER_EVENTS = ['__srcu_read_lock', '__srcu_read_unlock'];

/** One SRCU wait being cut. */
interface SrcuCut {
  readonly wait: SyncWait;
  /** Name of the grace period's link. */
  readonly name: string;
  /** Readers of the struct that overlap the wait. */
  readonly readers: readonly SrcuReader[];
  readonly depth: number;
}

export function blameSrcu(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
  const { timeline, draft } = walk;
  const name = `SRCU grace period of ${wait.domain || 'unknown srcu_struct'}`;
  const served = servingPeriod(timeline.data.srcuPeriods, wait, toNs);
  draft.add('srcu-gp', name, 0, depth, { rule: 'W2', event: served?.startEvent || wait.startEvent });
  const endedNs = Math.min(toNs, Math.max(fromNs, (served?.endShown && served.endNs) || toNs));
  const passes = passesFor(walk, wait, fromNs, endedNs);
  citeWork(walk, wait, fromNs, served?.startNs ?? toNs);
  const driven = timeline.data.srcuPeriods.some((gp) => gp.domain === wait.domain);
  if (passes.length === 0 && !driven && throughStall(walk, wait, fromNs, toNs, depth)) return;
  const cut: SrcuCut = { wait, name, readers: timeline.readersHolding(wait.domain, toNs, fromNs), depth };
  let cursor = fromNs;
  for (const pass of passes) {
    const startNs = Math.max(cursor, pass.startNs);
    const endNs = Math.min(endedNs, pass.endNs ?? endedNs);
    if (endNs <= startNs) continue;
    betweenPasses(walk, cut, cursor, startNs);
    blamePass(walk, cut, pass, startNs, endNs);
    cursor = endNs;
  }
  betweenPasses(walk, cut, cursor, endedNs);
  afterEnd(walk, name, served, endedNs, toNs, depth);
}

/** The grace period had ended; its callbacks had to be queued, to get a worker, and to run (S3.16, W20). */
function afterEnd(
  walk: BlameWalk,
  name: string,
  served: SrcuGracePeriod | undefined,
  fromNs: number,
  toNs: number,
  depth: number,
): void {
  const { draft, timeline } = walk;
  const ns = toNs - fromNs;
  if (ns <= 0) return;
  if (ns < walk.worthNs) {
    draft.add('srcu-gp', name, ns, depth);
    draft.root({ kind: 'unknown' }, ns);
    return;
  }
  const work = served?.callbacks?.work;
  const late = timeline.data.lateWork.find(
    (other) =>
      other.fn === 'srcu_invoke_callbacks' &&
      other.work === work &&
      other.queuedNs < toNs &&
      other.queuedNs >= fromNs - LATE_QUEUE_NS,
  );
  let cursor = fromNs;
  if (late) {
    const startNs = Math.min(toNs, late.startNs ?? toNs);
    const queuedNs = Math.max(fromNs, late.queuedNs);
    draft.add('srcu-gp', name, queuedNs - cursor, depth);
    blameQueuedWork(walk, late, queuedNs, startNs, depth + 1);
    cursor = Math.max(queuedNs, startNs);
  }
  draft.add('work', 'srcu_invoke_callbacks', toNs - cursor, depth + 1, {
    note: 'the grace period had ended (S3.16)',
    rule: 'W20',
    event: served?.callbacks?.queueEvent || served?.callbacks?.startEvent || 0,
  });
  draft.root({ kind: 'unknown' }, toNs - cursor);
}

/**
 * No worker recorded: an SRCU grace period that lasts as long as a slow RCU grace period waits for it, as SRCU-fast does
 * (S3.14, S3.60 i without its proof). False when no grace period covers most of the wait.
 */
function throughStall(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number, depth: number): boolean {
  const covered = walk.timeline
    .periodsLongerThan(1e9)
    .some((gp) => Math.min(toNs, gp.endNs ?? toNs) - Math.max(fromNs, gp.startNs) >= 0.5 * (toNs - fromNs));
  if (!covered) return false;
  walk.draft.inferredBy.add(
    'no worker of process_srcu is recorded: the SRCU grace period lasts as long as a slow RCU one, as SRCU-fast does (S3.60)',
  );
  walk.draft.add('worker', 'worker in process_srcu', 0, depth + 1, {
    note: 'not recorded; inferred from the RCU grace period that lasts as long (S3.60)',
    rule: 'W17',
  });
  blameRcu(walk, wait, fromNs, toNs, depth + 2);
  return true;
}

/** Passes of the wait's own srcu_struct; when no probe names it, of every struct that nobody claims (edge 1/k, W4.20). */
function passesFor(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number): WorkExecution[] {
  const overlapping = walk.timeline.data.passes.filter((pass) => pass.startNs < toNs && (pass.endNs ?? toNs) > fromNs);
  const own = overlapping.filter((pass) => pass.domain !== undefined && pass.domain === wait.domain);
  if (own.length > 0) return own;
  const unclaimed = overlapping.filter((pass) => pass.domain === undefined);
  if (unclaimed.length > 0 || !wait.domain) walk.draft.inferredBy.add(ANYBODYS_PASSES);
  return unclaimed.length > 0 ? unclaimed : wait.domain ? [] : overlapping;
}

/** How the grace periods of the struct began and ended: when process_srcu was queued, and the callbacks that followed. */
function citeWork(walk: BlameWalk, wait: SyncWait, fromNs: number, lastStartNs: number): void {
  const { evidence } = walk.draft;
  const { srcuPeriods, passes } = walk.timeline.data;
  for (const gp of srcuPeriods) {
    if (gp.domain !== wait.domain || gp.startNs > lastStartNs) continue;
    const { callbacks } = gp;
    if ((callbacks?.startNs ?? gp.endNs ?? Number.POSITIVE_INFINITY) <= fromNs) continue;
    evidence.cite(gp.startEvent, `process_srcu is queued for ${gp.domain}`);
    for (const pass of passes) {
      const before = pass.startNs >= gp.startNs && pass.startNs < fromNs;
      if (before && pass.domain === gp.domain) citePass(walk, pass, walk.timeline.workerLabel(pass), 0);
    }
    if (!callbacks) continue;
    evidence.cite(callbacks.queueEvent, `callbacks of ${gp.domain} are queued`);
    evidence.cite(callbacks.startEvent, 'they run');
    evidence.cite(callbacks.endEvent, 'they are done');
  }
}

/** Nothing executes: readers keep the grace period from ending, or it is delayed. */
function betweenPasses(walk: BlameWalk, cut: SrcuCut, fromNs: number, toNs: number): void {
  const { draft } = walk;
  for (let cursor = fromNs; cursor < toNs; ) {
    const reader = lastReader(cut.readers, cursor, cut.wait.task);
    const queued = reader ? undefined : queuedPass(walk, cut.wait, cursor, toNs);
    if (queued) {
      const queuedNs = Math.max(cursor, queued.queuedNs);
      const startNs = Math.min(toNs, queued.startNs ?? toNs);
      draft.add('srcu-gp', cut.name, queuedNs - cursor, cut.depth);
      draft.root({ kind: 'unknown' }, queuedNs - cursor);
      blameQueuedWork(walk, queued, queuedNs, startNs, cut.depth + 1);
      cursor = startNs;
      continue;
    }
    if (!reader) {
      draft.add('srcu-gp', cut.name, toNs - cursor, cut.depth);
      draft.root({ kind: 'unknown' }, toNs - cursor);
      return;
    }
    const leftNs = Math.min(toNs, reader.endNs ?? toNs);
    blameReader(walk, reader, cursor, leftNs, cut.depth + 1);
    cursor = leftNs;
  }
}

/** A pass of the wait's struct that was queued and waited long for a worker in the interval (W14, WORKQ_STARVED of S3.60). */
function queuedPass(walk: BlameWalk, wait: SyncWait, fromNs: number, toNs: number): LateWork | undefined {
  const { lateWork, passes, endNs } = walk.timeline.data;
  const isOwn = (late: LateWork): boolean => {
    const pass = passes.find(({ work }) => work === late.work);
    return pass?.domain === undefined || !wait.domain || pass.domain === wait.domain;
  };
  return lateWork.find(
    (late) =>
      late.fn === 'process_srcu' &&
      late.queuedNs < toNs &&
      (late.startNs ?? endNs) > Math.max(fromNs, late.queuedNs) &&
      isOwn(late),
  );
}

/** A reader that keeps an SRCU grace period from ending: what was *it* doing? */
function blameReader(walk: BlameWalk, reader: SrcuReader, fromNs: number, toNs: number, depth: number): void {
  const { draft, timeline, path } = walk;
  const task = reader.task;
  const label = timeline.label(task);
  const who = { task: timeline.name(task), tid: task.tid };
  citeReader(walk, reader, label, toNs - fromNs);
  const note = [`reader of ${reader.domain}`, sleepText(timeline, task.tid, fromNs, toNs)]
    .filter((part) => part)
    .join(', ');
  const shown = { tid: task.tid, note, rule: 'W19', event: reader.event };
  if (path.has(task.key)) {
    draft.add('reader', label, toNs - fromNs, depth, { ...shown, closes: true });
    draft.root({ kind: 'deadlock', ...who }, toNs - fromNs);
    return;
  }
  draft.add('reader', label, 0, depth, shown);
  path.add(task.key);
  const link: TaskLink = { kind: 'reader', label, tid: task.tid };
  const ownNs = blameWaits(walk, link, fromNs, toNs, depth, reader.sinceNs);
  if (ownNs > 0) draft.root({ kind: 'srcu-reader', ...who }, ownNs);
  path.delete(task.key);
}

/** Short sections are evidence as a range: there may be thousands. */
function citeReader(walk: BlameWalk, reader: SrcuReader, label: string, ns: number): void {
  const { evidence } = walk.draft;
  const { event, endEvent, domain } = reader;
  if (ns >= walk.worthNs || reader.endNs === null) {
    evidence.cite(event, `${label} enters srcu_read_lock(${domain})`);
    evidence.cite(endEvent, `${label} leaves srcu_read_lock(${domain})`);
  } else evidence.range(event, endEvent, { events: SRCU_READER_EVENTS }, 'SRCU read sections');
}

/** One execution of process_srcu: the worker's RCU waits (W18), the rest is its own or its readers' (S3.60). */
function blamePass(walk: BlameWalk, cut: SrcuCut, pass: WorkExecution, fromNs: number, toNs: number): void {
  const { draft, timeline } = walk;
  const { depth } = cut;
  const label = timeline.workerLabel(pass);
  const link = { tid: pass.workerTid, note: 'runs process_srcu', rule: 'W17', event: pass.startEvent };
  citePass(walk, pass, label, toNs - fromNs);
  const waits = timeline.waitsOf(pass.workerTid, fromNs, toNs);
  const reader = waits.length === 0 ? lastReader(cut.readers, fromNs, cut.wait.task) : undefined;
  if (reader) {
    // A short scan that found a reader: part of waiting for it.
    citeReader(walk, reader, timeline.label(reader.task), toNs - fromNs);
    draft.add('srcu-gp', cut.name, toNs - fromNs, depth);
    return;
  }
  draft.add('worker', label, 0, depth + 1, link, toNs - fromNs);
  blameWaits(walk, { kind: 'worker', label, tid: pass.workerTid }, fromNs, toNs, depth + 1);
}

/** The pass, everything that its worker recorded meanwhile, and how its srcu_struct is known. */
function citePass(walk: BlameWalk, pass: WorkExecution, label: string, ns: number): void {
  const { evidence } = walk.draft;
  const { startEvent, endEvent, workerTid } = pass;
  if (ns >= walk.worthNs) {
    evidence.cite(pass.queueEvent, `${pass.fn} is queued`);
    evidence.cite(startEvent, `${label} starts ${pass.fn}`);
  }
  evidence.range(startEvent, endEvent || walk.timeline.data.lastEvent, { tid: workerTid }, `what ${label} did`);
  const source = pass.domainSource;
  if (!source || source.startEvent === startEvent) return;
  evidence.cite(source.event, `an earlier execution of this work item names its srcu_struct ${pass.domain}`);
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
