/**
 * The wait-for graph as facts (MODEL 4.1): one row per edge that lasted, with the rule that made it. Nodes are named alike on both sides of an
 * edge, so that the rows join to a graph: `task comm:tid`, `CPU 1`, `reader comm:tid`, the name of a grace period, `srcu-gp …`, `work …`.
 */
import type { FactSink } from '../../../../schema/index.ts';
import { flavorOfKthread, type TasksFlavor, tasksFlavor } from '../../knowledge/rcu-tasks.ts';
import { awaitedPeriod, holdoutEdge, interruptEdge, type RuledEdge, WAITS_FOR } from '../../knowledge/waits-for.ts';
import { type GracePeriod, gracePeriodName } from '../../model/rcu/grace-period.ts';
import { servingPeriod } from '../../model/sync/phases.ts';
import type { SyncWait } from '../../model/sync/sync-wait.ts';
import type { WorkExecution, WorkKey } from '../../model/work/workqueue.ts';
import type { Timeline } from '../../record/timeline.ts';
import { tasksStages } from './rcu/tasks-stages.ts';

/** Edges shorter than this are routine synchronisation. */
const SHORTEST_NS = 1e7;
/** Who else had the workers is asked for delays of this length. */
const STARVED_NS = 1e8;

export function emitWaitEdges(facts: FactSink, timeline: Timeline): void {
  new EdgeWriter(facts, timeline).write();
}

const tasksNode = (flavor: TasksFlavor): string => `tasks-gp ${flavor.name}`;

class EdgeWriter {
  readonly #facts: FactSink;
  readonly #timeline: Timeline;
  /** Grace periods that synchronize_rcu() waits for, by start; they follow each other. */
  readonly #normal: readonly GracePeriod[];
  readonly #expedited: readonly GracePeriod[];

  constructor(facts: FactSink, timeline: Timeline) {
    this.#facts = facts;
    this.#timeline = timeline;
    const { periods, flavor } = timeline.data;
    this.#normal = periods.filter((gp) => gp.flavor === flavor && !gp.expedited);
    this.#expedited = periods.filter((gp) => gp.flavor === flavor && gp.expedited);
  }

  write(): void {
    for (const wait of this.#timeline.data.waits) this.#syncWait(wait);
    this.#work();
    this.#readers();
    this.#gracePeriods();
    this.#kthreads();
    this.#locks();
    this.#joins();
    for (const { kind, cpu, startNs, endNs } of this.#timeline.data.storms)
      this.#emit(interruptEdge(kind), `CPU ${cpu}`, `${kind} on CPU ${cpu}`, startNs, endNs);
  }

  /** An edge lasts to the end of the capture while `endNs` is null. */
  #emit({ rule }: RuledEdge, fromNode: string, toNode: string, startNs: number, endNs: number | null): void {
    if ((endNs ?? this.#timeline.data.endNs) - startNs < SHORTEST_NS) return;
    this.#facts.waitEdge({ rule, fromNode, toNode, startNs, endNs });
  }

  /** W1, W2, W18; W20 and W21 for what follows the grace period; W9 once it was woken. */
  #syncWait(wait: SyncWait): void {
    if (this.#timeline.length(wait) < SHORTEST_NS) return;
    const task = `task ${wait.comm}:${wait.tid}`;
    const { data } = this.#timeline;
    const neededNs = wait.wokenNs ?? wait.endNs;
    if (wait.wokenNs !== null) this.#emit(WAITS_FOR.cpu, task, `CPU ${wait.cpu}`, wait.wokenNs, wait.endNs);
    const awaited = awaitedPeriod(wait);
    switch (awaited?.kind) {
      case 'srcu-gp': {
        const node = srcuNode(wait.domain);
        this.#emit(awaited, task, node, wait.startNs, neededNs);
        const served = servingPeriod(data.srcuPeriods, wait, this.#timeline.end(wait));
        if (served?.endShown && served.endNs !== null)
          this.#emit(
            WAITS_FOR.srcuCallbacks,
            node,
            `work srcu_invoke_callbacks of ${wait.domain}`,
            served.endNs,
            neededNs,
          );
        return;
      }
      case 'tasks-gp':
        this.#emit(awaited, task, tasksNode(tasksFlavor(wait.api)), wait.startNs, neededNs);
        for (const { holdout, fromNs, toNs } of tasksStages(this.#timeline, wait, wait.startNs, neededNs ?? data.endNs))
          if (holdout)
            this.#emit(
              WAITS_FOR.tasksHoldout,
              tasksNode(tasksFlavor(wait.api)),
              `task ${holdout.comm}:${holdout.tid}`,
              fromNs,
              toNs,
            );
        return;
      default:
        this.#rcuWait(wait, awaited ?? WAITS_FOR.rcuGp, task, neededNs);
    }
  }

  #rcuWait(wait: SyncWait, awaited: RuledEdge, task: string, neededNs: number | null): void {
    const { data } = this.#timeline;
    const ofTasks = flavorOfKthread(wait.comm);
    const edge = ofTasks ? WAITS_FOR.tasksKthread : awaited;
    const waiter = ofTasks ? tasksNode(ofTasks) : task;
    const expedited = wait.resource === 'rcu-expedited';
    const untilNs = neededNs ?? data.endNs;
    const periods = this.#overlapping(expedited ? this.#expedited : this.#normal, wait.startNs, untilNs);
    for (const gp of periods) {
      const fromNs = Math.max(wait.startNs, gp.startNs);
      const over = gp.endNs !== null && gp.endNs <= untilNs;
      this.#emit(edge, waiter, gracePeriodName(gp), fromNs, over ? gp.endNs : neededNs);
    }
    if (periods.length === 0) this.#emit(edge, waiter, `${data.flavor} grace period`, wait.startNs, neededNs);
    const last = periods.at(-1);
    if (last?.endNs && last.endNs < untilNs)
      this.#emit(WAITS_FOR.rcuCallbacks, gracePeriodName(last), `callbacks on CPU ${wait.cpu}`, last.endNs, neededNs);
  }

  /** Of periods that follow each other, those that overlap the interval. */
  #overlapping(periods: readonly GracePeriod[], fromNs: number, toNs: number): GracePeriod[] {
    let [low, high] = [0, periods.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timeline.end(periods[middle]) <= fromNs) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (end < periods.length && periods[end].startNs < toNs) end++;
    return periods.slice(low, end);
  }

  /** W10–W17. */
  #work(): void {
    const { data } = this.#timeline;
    for (const run of data.srcuRuns)
      this.#emit(WAITS_FOR.srcuWork, srcuNode(run.domain), workNode(run), run.startNs, run.endNs);
    for (const run of new Set([...data.srcuRuns, ...data.longRuns]))
      this.#emit(WAITS_FOR.worker, workNode(run), `task ${this.#timeline.workerLabel(run)}`, run.startNs, run.endNs);
    for (const late of data.lateWork) {
      const node = workNode(late);
      const pool = late.cpu < 0 ? 'unbound pool' : `pool of CPU ${late.cpu}`;
      if (late.delayedFromNs !== null) {
        this.#emit(WAITS_FOR.delayTimer, node, `timer of ${node}`, late.delayedFromNs, late.queuedNs);
        this.#emit(WAITS_FOR.timerCpu, `timer of ${node}`, `CPU ${late.cpu}`, late.delayedFromNs, late.queuedNs);
      }
      this.#emit(WAITS_FOR.queue, node, pool, late.queuedNs, late.startNs);
      if ((late.startNs ?? data.endNs) - late.queuedNs < STARVED_NS) continue;
      for (const run of data.longRuns) {
        const heldBack = late.activatedNs === null && run.workqueue === late.workqueue;
        if (run.work === late.work || !(heldBack || run.cpu === late.cpu)) continue;
        const startNs = Math.max(late.queuedNs, run.startNs);
        const endNs = Math.min(late.startNs ?? data.endNs, this.#timeline.end(run));
        const untilNs = endNs < data.endNs ? endNs : null;
        if (heldBack) this.#emit(WAITS_FOR.maxActive, node, workNode(run), startNs, untilNs);
        else this.#emit(WAITS_FOR.poolWorker, pool, `task ${this.#timeline.workerLabel(run)}`, startNs, untilNs);
      }
    }
  }

  /** W19 while somebody waits for the struct; W6. */
  #readers(): void {
    const { data } = this.#timeline;
    for (const reader of data.readers) {
      const label = this.#timeline.label(reader.task);
      this.#emit(WAITS_FOR.srcuReader, srcuNode(reader.domain), `reader ${label}`, reader.sinceNs, reader.endNs);
      this.#emit(WAITS_FOR.readerTask, `reader ${label}`, `task ${label}`, reader.sinceNs, reader.endNs);
    }
  }

  /** W4, W5, W26 for an expedited one; W6, W8, W9 for what the holdout was waiting for itself. */
  #gracePeriods(): void {
    for (const gp of this.#timeline.data.periods)
      for (const holdout of gp.holdouts) {
        const { kind, name, cpu, fromNs, toNs } = holdout;
        const node = kind === 'cpu' ? name : `reader ${name}`;
        this.#emit(
          gp.expedited ? WAITS_FOR.expeditedHoldout : holdoutEdge(kind),
          gracePeriodName(gp),
          node,
          fromNs,
          toNs,
        );
        if ((toNs ?? this.#timeline.data.endNs) - fromNs < SHORTEST_NS) continue;
        const verdict = this.#timeline.judge(holdout);
        if (kind === 'reader') {
          this.#emit(WAITS_FOR.readerTask, node, `task ${name}`, fromNs, toNs);
          if (verdict.cause === 'reader-preempted')
            this.#emit(WAITS_FOR.cpu, `task ${name}`, `CPU ${cpu}`, fromNs, toNs);
        }
        if (verdict.task !== undefined)
          this.#emit(WAITS_FOR.cpuOwner, `CPU ${cpu}`, `task ${verdict.task}`, fromNs, toNs);
      }
  }

  /** W3 and W9 of grace-period kthreads that wait for a CPU. */
  #kthreads(): void {
    const { data } = this.#timeline;
    for (const { flavor, tid, cpu, occupant, startNs, endNs } of data.starvations) {
      const task = `task ${flavor}:${tid}`;
      for (const gp of data.periods) {
        if (gp.flavor !== flavor || gp.startNs >= (endNs ?? data.endNs) || this.#timeline.end(gp) <= startNs) continue;
        this.#emit(WAITS_FOR.gpKthread, gracePeriodName(gp), task, Math.max(startNs, gp.startNs), endNs);
      }
      this.#emit(WAITS_FOR.cpu, task, `CPU ${cpu}`, startNs, endNs);
      if (occupant !== undefined) this.#emit(WAITS_FOR.cpuOwner, `CPU ${cpu}`, `task ${occupant}`, startNs, endNs);
    }
  }

  /** W22, W23. */
  #locks(): void {
    const { data } = this.#timeline;
    for (const { lock, tid, owner, startNs, endNs } of data.pastLockWaits) {
      this.#emit(WAITS_FOR.lock, `task ${this.#timeline.labelOf(tid)}`, `lock ${lock}`, startNs, endNs);
      if (owner.tid > 0)
        this.#emit(WAITS_FOR.holder, `lock ${lock}`, `task ${this.#timeline.labelOf(owner.tid)}`, startNs, endNs);
    }
    for (const { from, to, lock, sinceNs } of data.lockWaits) {
      this.#emit(WAITS_FOR.lock, `task ${this.#timeline.label(from)}`, `lock ${lock}`, sinceNs, null);
      this.#emit(WAITS_FOR.holder, `lock ${lock}`, `task ${this.#timeline.label(to)}`, sinceNs, null);
    }
  }

  /** W24; W22 and W23 for a lock that nothing names. */
  #joins(): void {
    for (const { tid, targetTid, lock, startNs, endNs } of this.#timeline.data.joins) {
      const from = `task ${this.#timeline.labelOf(tid)}`;
      const to = `task ${this.#timeline.labelOf(targetTid)}`;
      if (lock === undefined) this.#emit(WAITS_FOR.taskToEnd, from, to, startNs, endNs);
      else {
        this.#emit(WAITS_FOR.lock, from, `lock of ${from}`, startNs, endNs);
        this.#emit(WAITS_FOR.holder, `lock of ${from}`, to, startNs, endNs);
      }
    }
  }
}

const srcuNode = (domain: string | undefined): string => `srcu-gp ${domain || '?'}`;

/** A work item; of process_srcu the struct tells it best. */
function workNode({
  work,
  fn,
  domain,
}: { work: WorkKey; fn: string } & Partial<Pick<WorkExecution, 'domain'>>): string {
  return domain ? `work ${fn} of ${domain}` : `work ${fn} 0x${BigInt.asUintN(64, BigInt(work)).toString(16)}`;
}
