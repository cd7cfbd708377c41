/**
 * SRCU grace periods, inferred from workqueue events: SRCU has no tracepoints (E1.2). A grace period begins when process_srcu is queued for
 * a struct that had none, and ends with the pass before srcu_invoke_callbacks is queued (S3.13, S3.16): srcu_gp_end schedules the
 * callbacks within a jiffy. Only measures; what a task waits for is the business of sync-wait.ts.
 */
import type { EventCursor, EventType } from '../../../schema/index.ts';
import type { EventHandler, Model, World } from '../world.ts';
import type { WorkExecution, WorkqueueModel } from './workqueue.ts';

/** One srcu_struct, known by its process_srcu work (1:1). */
interface StructState {
  /** When process_srcu was queued for the grace period that runs, null when none does. */
  startNs: number | null;
  /** Last pass of that grace period, and the one before it: the next grace period may have begun before the callbacks are queued. */
  pass: WorkExecution | undefined;
  previous: WorkExecution | undefined;
  /** When the last pass was queued; when it was queued again since. */
  passQueuedNs: number | null;
  requeuedNs: number | null;
  readonly work: string;
}

export class SrcuGracePeriodModel implements Model {
  readonly #world: World;
  readonly #workqueues: WorkqueueModel;
  readonly #structs = new Map<number | bigint, StructState>();

  /** @param workqueues sees every event before this model does */
  constructor(world: World, workqueues: WorkqueueModel) {
    this.#world = world;
    this.#workqueues = workqueues;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape !== 'tracepoint') return undefined;
    if (type.name === 'workqueue_queue_work') return (event) => this.#queue(event);
    if (type.name === 'workqueue_execute_start') return (event) => this.#start(event);
    return undefined;
  }

  #queue(event: EventCursor): void {
    const fn = event.text(1);
    if (fn === 'process_srcu') {
      const struct = this.#struct(event.key(0));
      struct.startNs ??= event.tsNs;
      struct.requeuedNs = event.tsNs;
    } else if (fn === 'srcu_invoke_callbacks') this.#end(event);
  }

  #start(event: EventCursor): void {
    const pass = this.#workqueues.executing(event.tid);
    if (pass?.fn !== 'process_srcu') return;
    const struct = this.#struct(pass.work);
    // Queued before the capture began: it started no later than this.
    struct.startNs ??= event.tsNs;
    struct.previous = struct.pass;
    struct.pass = pass;
    struct.passQueuedNs = struct.requeuedNs ?? event.tsNs;
    struct.requeuedNs = null;
  }

  #struct(work: number | bigint): StructState {
    let struct = this.#structs.get(work);
    if (struct === undefined) {
      struct = {
        startNs: null,
        pass: undefined,
        previous: undefined,
        passQueuedNs: null,
        requeuedNs: null,
        work: `0x${BigInt.asUintN(64, BigInt(work)).toString(16)}`,
      };
      this.#structs.set(work, struct);
    }
    return struct;
  }

  /** Callbacks are queued: the grace period of the pass that this worker runs, or of the one that ended last, is over. */
  #end(event: EventCursor): void {
    let ended: StructState | undefined;
    let endNs = Number.NEGATIVE_INFINITY;
    for (const struct of this.#structs.values()) {
      if (struct.startNs === null) continue;
      const { pass, previous } = struct;
      // An expedited one queues them from inside the pass.
      const candidateNs =
        pass?.endNs === null ? (pass.workerTid === event.tid ? event.tsNs : previous?.endNs) : pass?.endNs;
      if (candidateNs !== undefined && candidateNs !== null && candidateNs > endNs) {
        ended = struct;
        endNs = candidateNs;
      }
    }
    if (ended === undefined) return;
    this.#emit(ended, endNs);
    const isOver = ended.pass?.endNs === null ? ended.pass.workerTid === event.tid : true;
    // What was queued since then belongs to the next one.
    ended.startNs = isOver ? ended.requeuedNs : ended.passQueuedNs;
    ended.previous = undefined;
    if (isOver) ended.pass = undefined;
  }

  #emit(struct: StructState, endNs: number | null): void {
    const { startNs, pass, work } = struct;
    if (startNs === null) return;
    const domain = pass?.domain ?? `srcu_struct of work ${work}`;
    const { facts } = this.#world;
    if (endNs === null) facts.openSample('srcu-gp', domain);
    else facts.sample('srcu-gp', domain, endNs - startNs);
    facts.gracePeriod({
      flavor: domain,
      gpSeq: null,
      expedited: false,
      requestNs: null,
      startNs,
      initDoneNs: null,
      lastReportNs: null,
      endNs,
      confidence: 'inferred',
      holdouts: '',
    });
  }

  finish(): void {
    for (const struct of this.#structs.values()) if (struct.startNs !== null) this.#emit(struct, null);
  }
}
