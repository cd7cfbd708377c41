/**
 * Runs of process_srcu and srcu_invoke_callbacks from lock events alone (L5.18): while a worker runs a work item it holds the
 * pseudo-lock of that kind of work, and process_srcu takes srcu_gp_mutex inside (S3.2, S3.13). Workqueue events tell better.
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';

const ACQUIRE = fieldsOf('lock_acquire');
const RELEASE = fieldsOf('lock_release');

const NONE = 0;
const PROCESS = 1;
const CALLBACKS = 2;
const GP_MUTEX = 3;

/** Texts of the init macros, inside srcu_usage and, before v6.4, inside srcu_struct. */
const KINDS: readonly (readonly [RegExp, number])[] = [
  [/^\(work_completion\)\(&\(&ssp->(srcu_sup->)?work\)->work\)$/, PROCESS],
  [/^\(work_completion\)\(&sdp->work\)$/, CALLBACKS],
  [/^&ssp->(srcu_sup->)?srcu_gp_mutex$/, GP_MUTEX],
];

interface Running {
  readonly kind: number;
  readonly ns: number;
  readonly event: number;
}

export class SrcuWorkerLocks implements Model {
  readonly #world: World;
  readonly #work: WorkqueueModel;
  /** By string id of a lock's name. */
  readonly #kinds: (number | undefined)[] = [];
  /** Work that a task runs, as its locks tell. */
  readonly #running = new Map<number, Running>();

  constructor(world: World, work: WorkqueueModel) {
    this.#world = world;
    this.#work = work;
  }

  subscribe(type: EventType): EventHandler | undefined {
    const name = knownName(type);
    if (name === 'lock_acquire') return (event) => this.#acquire(event);
    return name === 'lock_release' ? (event) => this.#release(event) : undefined;
  }

  #kindOf(nameId: number): number {
    let kind = this.#kinds[nameId];
    if (kind === undefined) {
      const name = this.#world.dictionary.string(nameId);
      kind = KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? NONE;
      this.#kinds[nameId] = kind;
    }
    return kind;
  }

  #acquire(event: EventCursor): void {
    const kind = this.#kindOf(event.str(ACQUIRE.name));
    if (kind === NONE) return;
    const { tid, cpu } = event;
    if (kind !== GP_MUTEX) {
      this.#running.set(tid, { kind, ns: event.tsNs, event: event.eventId });
      return;
    }
    // By now workqueue:workqueue_execute_start has shown the run, where it is recorded.
    const running = this.#running.get(tid);
    if (running?.kind === PROCESS) this.#work.implyRun(tid, cpu, running.ns, running.event, 'process_srcu');
  }

  #release(event: EventCursor): void {
    const kind = this.#kindOf(event.str(RELEASE.name));
    if (kind !== PROCESS && kind !== CALLBACKS) return;
    const { tid, cpu, tsNs, eventId } = event;
    const running = this.#running.get(tid);
    this.#running.delete(tid);
    if (running?.kind !== kind) return;
    if (kind === CALLBACKS && !this.#executionsRecorded())
      this.#work.implyRun(tid, cpu, running.ns, running.event, 'srcu_invoke_callbacks');
    this.#work.endImpliedRun(tid, tsNs, eventId);
  }

  #executionsRecorded(): boolean {
    return this.#world.dictionary.types.some(({ name }) => name === 'workqueue_execute_start');
  }
}
