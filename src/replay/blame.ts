/**
 * Who made a task wait, and for how long: the chain from a blocked task to the root, with exclusive time per link.
 *
 * Backward critical path of MODEL 4.5: the waited interval is cut along what the task needed at each moment, every piece goes
 * to exactly one link, so the pieces sum to the blocked time (O21). Occupancy of a CPU within a piece is that of the whole
 * stretch in which the CPU was waited for, scaled.
 */
import type { ChainLink, Evidence, Root } from '../../schema/index.ts';
import { ChainDraft } from './chain-draft.ts';
import type { HoldoutVerdict } from './holdout-verdict.ts';
import { type GracePeriod, gracePeriodName, type Holdout, lastHoldouts } from './model/grace-period.ts';
import { baseDomain, type SrcuReader, type SyncResource, type SyncWait } from './model/sync-wait.ts';
import type { Task } from './model/task.ts';
import type { WorkExecution } from './model/workqueue.ts';
import type { Timeline } from './timeline.ts';

export interface Chain {
  readonly links: readonly ChainLink[];
  readonly root: Root;
  readonly evidence: readonly Evidence[];
}

export class Blame {
  readonly #timeline: Timeline;
  readonly #draft = new ChainDraft();
  /** Tasks on the path: meeting one again is a cycle (W4.41). */
  readonly #path = new Set<number>();

  private constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** The chain of one wait, from its start to its end (or to the end of the capture). */
  static ofWait(timeline: Timeline, wait: SyncWait): Chain {
    const blame = new Blame(timeline);
    const endNs = timeline.end(wait);
    blame.#draft.cite(wait.startEvent, `${wait.comm}:${wait.tid} enters ${wait.api}`);
    if (wait.endEvent) blame.#draft.cite(wait.endEvent, `${wait.comm}:${wait.tid} leaves ${wait.api}`);
    blame.#draft.add('task', `${wait.comm}:${wait.tid}`, 0, 0, { tid: wait.tid, note: wait.site ?? `in ${wait.api}` });
    blame.#path.add(wait.task.key);
    blame.#wait(wait, wait.startNs, endNs, 1);
    return { links: blame.#draft.links(), root: blame.#draft.bestRoot(), evidence: blame.#draft.evidence() };
  }

  #wait(wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
    if (wait.resource === 'srcu') this.#srcu(wait, fromNs, toNs, depth);
    else this.#rcu(wait.resource, fromNs, toNs, depth);
  }

  /** SRCU grace period: passes of process_srcu (their RCU waits, their readers) and what lies between them (W10, W17–W19). */
  #srcu(wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
    const domain = wait.domain || 'unknown srcu_struct';
    const name = `SRCU grace period of ${domain}`;
    this.#draft.add('srcu-gp', name, 0, depth);
    const passes = this.#passes(wait, fromNs, toNs);
    if (passes.length === 0 && this.#throughStall(fromNs, toNs, depth)) return;
    const readers = this.#timeline.readersHolding(wait.domain, toNs, fromNs);
    let cursor = fromNs;
    for (const pass of passes) {
      const startNs = Math.max(cursor, pass.startNs);
      const endNs = Math.min(toNs, pass.endNs ?? toNs);
      if (endNs <= startNs) continue;
      this.#betweenPasses(wait, name, readers, cursor, startNs, depth);
      this.#pass(pass, name, readers, startNs, endNs, depth);
      cursor = endNs;
    }
    this.#betweenPasses(wait, name, readers, cursor, toNs, depth);
  }

  /**
   * No worker recorded: an SRCU grace period that lasts as long as a slow RCU grace period waits for it, as SRCU-fast does
   * (S3.14, S3.60 i without its proof). False when no grace period covers most of the wait.
   */
  #throughStall(fromNs: number, toNs: number, depth: number): boolean {
    const covered = this.#timeline
      .periodsLongerThan(1e9)
      .some((gp) => Math.min(toNs, gp.endNs ?? toNs) - Math.max(fromNs, gp.startNs) >= 0.5 * (toNs - fromNs));
    if (!covered) return false;
    this.#draft.add('worker', 'worker in process_srcu', 0, depth + 1, {
      note: 'not recorded; inferred from the RCU grace period that lasts as long (S3.60)',
    });
    this.#rcu('rcu', fromNs, toNs, depth + 2);
    return true;
  }

  /** Passes of the wait's own srcu_struct; when no probe names it, of every struct that nobody claims (edge 1/k, W4.20). */
  #passes(wait: SyncWait, fromNs: number, toNs: number): WorkExecution[] {
    const overlapping = this.#timeline.data.passes.filter(
      (pass) => pass.startNs < toNs && (pass.endNs ?? toNs) > fromNs,
    );
    const own = overlapping.filter((pass) => pass.domain !== undefined && pass.domain === baseDomain(wait.domain));
    if (own.length > 0) return own;
    const unclaimed = overlapping.filter((pass) => pass.domain === undefined);
    return unclaimed.length > 0 ? unclaimed : wait.domain ? [] : overlapping;
  }

  #betweenPasses(
    wait: SyncWait,
    name: string,
    readers: readonly SrcuReader[],
    fromNs: number,
    toNs: number,
    depth: number,
  ): void {
    if (toNs <= fromNs) return;
    const reader = lastReader(readers, fromNs, wait.task);
    if (!reader) {
      this.#draft.add('srcu-gp', name, toNs - fromNs, depth);
      this.#draft.root({ kind: 'unknown' }, 0);
      return;
    }
    const readerEndNs = Math.min(toNs, reader.endNs ?? toNs);
    this.#reader(reader, fromNs, readerEndNs, depth + 1);
    if (readerEndNs < toNs) this.#betweenPasses(wait, name, readers, readerEndNs, toNs, depth);
  }

  /** A reader that keeps an SRCU grace period from ending: what was *it* doing? */
  #reader(reader: SrcuReader, fromNs: number, toNs: number, depth: number): void {
    const task = reader.task;
    const label = this.#timeline.label(task);
    this.#draft.cite(reader.event, `${label} enters srcu_read_lock`);
    if (reader.endNs !== null) this.#draft.cite(reader.endEvent, `${label} leaves srcu_read_lock`);
    this.#draft.add('reader', label, 0, depth, { tid: task.tid, note: `reader of ${reader.domain}` });
    const who = { task: this.#timeline.name(task), tid: task.tid };
    if (this.#path.has(task.key)) {
      this.#draft.add('reader', label, toNs - fromNs, depth, { tid: task.tid });
      this.#draft.root({ kind: 'deadlock', ...who }, toNs - fromNs);
      return;
    }
    this.#path.add(task.key);
    const inner = this.#timeline.waitsOf(task.tid, fromNs, toNs).filter((wait) => wait.startNs >= reader.sinceNs);
    let cursor = fromNs;
    for (const wait of inner) {
      const startNs = Math.max(cursor, wait.startNs);
      const endNs = Math.min(toNs, wait.endNs ?? toNs);
      if (endNs <= startNs) continue;
      this.#leafReader(label, who, startNs - cursor, depth);
      this.#draft.cite(wait.startEvent, `${label} enters ${wait.api} inside its read section`);
      this.#wait(wait, startNs, endNs, depth + 1);
      cursor = endNs;
    }
    this.#leafReader(label, who, toNs - cursor, depth);
    this.#path.delete(task.key);
  }

  #leafReader(label: string, who: { task: string; tid: number }, ns: number, depth: number): void {
    if (ns <= 0) return;
    this.#draft.add('reader', label, ns, depth, { tid: who.tid });
    this.#draft.root({ kind: 'srcu-reader', ...who }, ns);
  }

  /** One execution of process_srcu: the worker's RCU waits (W18), the rest is its own or its readers' (S3.60). */
  #pass(
    pass: WorkExecution,
    name: string,
    readers: readonly SrcuReader[],
    fromNs: number,
    toNs: number,
    depth: number,
  ): void {
    const label = this.#timeline.workerLabel(pass.workerTid);
    const link = { tid: pass.workerTid, note: `runs process_srcu` };
    this.#draft.cite(pass.startEvent, `${label} starts process_srcu`);
    const waits = this.#timeline.waitsOf(pass.workerTid, fromNs, toNs).filter((wait) => wait.resource !== 'srcu');
    if (waits.length === 0 && readers.length > 0) {
      // A short scan that found readers: part of waiting for them.
      this.#draft.add('srcu-gp', name, toNs - fromNs, depth);
      return;
    }
    this.#draft.add('worker', label, 0, depth + 1, link);
    let cursor = fromNs;
    for (const wait of waits) {
      const startNs = Math.max(cursor, wait.startNs);
      const endNs = Math.min(toNs, wait.endNs ?? toNs);
      if (endNs <= startNs) continue;
      this.#draft.add('worker', label, startNs - cursor, depth + 1, link);
      this.#draft.cite(wait.startEvent, `${label} enters ${wait.api}`);
      this.#rcu(wait.resource, startNs, endNs, depth + 2);
      cursor = endNs;
    }
    this.#draft.add('worker', label, toNs - cursor, depth + 1, link);
  }

  /** RCU: the grace periods in flight, cut by their phases (MODEL 2.4), the quiescent-state wait going to the last holdout. */
  #rcu(resource: SyncResource, fromNs: number, toNs: number, depth: number): void {
    const flavor = this.#timeline.data.flavor;
    const expedited = resource === 'rcu-expedited';
    const all = this.#timeline.data.periods.filter((gp) => gp.flavor === flavor && gp.expedited === expedited);
    const periods = all.filter((gp) => gp.startNs < toNs && (gp.endNs ?? toNs) > fromNs);
    if (periods.length === 0) {
      const next = all.find((gp) => gp.startNs >= toNs);
      this.#draft.add(
        'rcu-gp',
        next ? gracePeriodName(next) : `${flavor} grace period (not recorded)`,
        toNs - fromNs,
        depth,
      );
      this.#draft.root({ kind: 'unknown' }, toNs - fromNs);
      return;
    }
    let cursor = fromNs;
    for (const gp of periods) {
      const name = gracePeriodName(gp);
      const startNs = Math.max(cursor, gp.startNs);
      const endNs = Math.min(toNs, gp.endNs ?? toNs);
      if (startNs > cursor) this.#draft.add('rcu-gp', name, startNs - cursor, depth);
      if (endNs > startNs) {
        this.#gracePeriod(gp, name, startNs, endNs, depth);
        cursor = endNs;
      }
    }
    // Past the last end: callback invocation and wakeup.
    if (cursor < toNs) this.#draft.add('rcu-gp', gracePeriodName(periods[periods.length - 1]), toNs - cursor, depth);
  }

  #gracePeriod(gp: GracePeriod, name: string, fromNs: number, toNs: number, depth: number): void {
    this.#draft.add('rcu-gp', name, 0, depth, {}, toNs - fromNs);
    this.#draft.cite(gp.startEvent, `${name} starts`);
    if (gp.endEvent) this.#draft.cite(gp.endEvent, `${name} ends`);
    if (gp.warnedEvent) this.#draft.cite(gp.warnedEvent, 'the kernel warns of the stall');
    const open = gp.holdouts.filter((holdout) => holdout.toNs === null);
    let cursor = toNs;
    if (open.length > 0) {
      // Still pending at the end of the capture: shared equally (W4.42).
      const owedFromNs = Math.max(fromNs, Math.min(...open.map((holdout) => holdout.fromNs)));
      const shareNs = Math.floor((toNs - owedFromNs) / open.length);
      open.forEach((holdout, i) => {
        this.#holdout(holdout, i === 0 ? toNs - owedFromNs - shareNs * (open.length - 1) : shareNs, depth + 1);
      });
      cursor = owedFromNs;
    } else {
      const clearedNs = Math.max(fromNs, ...gp.holdouts.map((holdout) => holdout.toNs as number));
      if (clearedNs < toNs) {
        this.#draft.add('rcu-gp', name, toNs - clearedNs, depth);
        cursor = clearedNs;
      }
    }
    while (cursor > fromNs) {
      const holdout = lastPending(gp, cursor);
      if (!holdout) break;
      const beganNs = Math.max(fromNs, holdout.fromNs);
      this.#holdout(holdout, cursor - beganNs, depth + 1);
      cursor = beganNs;
    }
    if (cursor > fromNs) this.#draft.add('rcu-gp', name, cursor - fromNs, depth);
  }

  #holdout(holdout: Holdout, ns: number, depth: number): void {
    if (ns <= 0) return;
    this.#draft.cite(holdout.fromEvent, `${holdout.name} owes a quiescent state`);
    if (holdout.toEvent) this.#draft.cite(holdout.toEvent, `${holdout.name} reports`);
    const verdict = this.#timeline.judge(holdout);
    const pieces = scaled(verdict, ns);
    const cpu = holdout.cpu;
    if (holdout.kind === 'reader') {
      this.#draft.add('reader', holdout.name, pieces.own, depth, { tid: holdout.tid, note: verdict.note });
      if (pieces.softirq + pieces.hardirq + pieces.nmi > 0) this.#draft.add('cpu', `CPU ${cpu}`, 0, depth + 1, { cpu });
    } else {
      this.#draft.add('cpu', `CPU ${cpu}`, pieces.own, depth, { cpu, note: verdict.note });
    }
    const inner = holdout.kind === 'reader' ? depth + 2 : depth + 1;
    if (pieces.softirq > 0) this.#draft.add('softirq', `softirqs on CPU ${cpu}`, pieces.softirq, inner, { cpu });
    if (pieces.hardirq > 0) this.#draft.add('hardirq', `interrupts on CPU ${cpu}`, pieces.hardirq, inner, { cpu });
    if (pieces.nmi > 0) this.#draft.add('nmi', `NMIs on CPU ${cpu}`, pieces.nmi, inner, { cpu });
    this.#draft.root({ kind: verdict.cause, ...rootDetails(holdout, verdict) }, ns);
    if (verdict.cause === 'nmi-storm') {
      const storm = this.#timeline.stormDuring('nmi', cpu, holdout.fromNs, holdout.toNs ?? this.#timeline.data.endNs);
      if (storm) this.#draft.cite(storm.firstEvent, `NMI storm on CPU ${cpu} begins`);
    }
  }
}

export function rootDetails(holdout: Holdout, verdict: HoldoutVerdict): { cpu?: number; task?: string; tid?: number } {
  if (holdout.kind === 'reader' && verdict.cause.startsWith('reader')) {
    const colon = holdout.name.lastIndexOf(':');
    return { task: holdout.name.slice(0, colon), tid: holdout.tid, cpu: holdout.cpu };
  }
  if (verdict.task !== undefined) {
    const colon = verdict.task.lastIndexOf(':');
    return { cpu: holdout.cpu, task: verdict.task.slice(0, colon), tid: Number(verdict.task.slice(colon + 1)) };
  }
  return { cpu: holdout.cpu };
}

/** The holdout pending just before `atNs` that cleared last. */
function lastPending(gp: GracePeriod, atNs: number): Holdout | undefined {
  let last: Holdout | undefined;
  for (const holdout of gp.holdouts) {
    if (holdout.fromNs >= atNs || (holdout.toNs ?? Number.POSITIVE_INFINITY) < atNs) continue;
    if (!last || (holdout.toNs ?? Number.POSITIVE_INFINITY) >= (last.toNs ?? Number.POSITIVE_INFINITY)) last = holdout;
  }
  return last;
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

/** Splits `ns` like the holdout's occupancy; integers that sum to `ns`. */
function scaled(verdict: HoldoutVerdict, ns: number): { own: number; softirq: number; hardirq: number; nmi: number } {
  const softirq = Math.floor(verdict.shares.softirq * ns);
  const hardirq = Math.floor(verdict.shares.hardirq * ns);
  const nmi = Math.floor(verdict.shares.nmi * ns);
  return { own: ns - softirq - hardirq - nmi, softirq, hardirq, nmi };
}

/** Shown with findings: who held the grace period up, as `cpu 1` or `comm:tid`. */
export function decisiveHoldout(gp: GracePeriod): Holdout | undefined {
  let longest: Holdout | undefined;
  for (const holdout of lastHoldouts(gp)) if (!longest || holdout.fromNs < longest.fromNs) longest = holdout;
  return longest;
}
