/**
 * Runs of process_srcu and srcu_invoke_callbacks from lock events alone (L5.18): while a worker runs a work item it holds the
 * pseudo-lock of that kind of work, and process_srcu takes srcu_gp_mutex inside (S3.2, S3.13). Workqueue events tell better.
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { Model, NamedHandler, World } from '../../core/world.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';

const ACQUIRE = fieldsOf('lock_acquire');
const RELEASE = fieldsOf('lock_release');

type Kind = 'process' | 'callbacks' | 'gp-mutex';

/** Texts of the init macros, inside srcu_usage and, before v6.4, inside srcu_struct. */
const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/^\(work_completion\)\(&\(&ssp->(srcu_sup->)?work\)->work\)$/, 'process'],
  [/^\(work_completion\)\(&sdp->work\)$/, 'callbacks'],
  [/^&ssp->(srcu_sup->)?srcu_gp_mutex$/, 'gp-mutex'],
];

interface Running {
  readonly kind: Kind;
  readonly ns: number;
  readonly event: number;
}

export class SrcuWorkerLocks implements Model {
  readonly #world: World;
  readonly #work: WorkqueueModel;
  /** Work that a task runs, as its locks tell. */
  readonly #running = new Map<number, Running>();

  constructor(world: World, work: WorkqueueModel) {
    this.#world = world;
    this.#work = work;
  }

  subscribe(type: EventType): NamedHandler | undefined {
    const forKind = (handler: (event: EventCursor, kind: Kind) => void) => (lock: string) => {
      const kind = KINDS.find(([pattern]) => pattern.test(lock))?.[1];
      return kind === undefined ? undefined : (event: EventCursor): void => handler(event, kind);
    };
    switch (knownName(type)) {
      case 'lock_acquire':
        return { field: ACQUIRE.name, of: forKind((event, kind) => this.#acquire(event, kind)) };
      case 'lock_release':
        return { field: RELEASE.name, of: forKind((event, kind) => this.#release(event, kind)) };
      default:
        return undefined;
    }
  }

  #acquire(event: EventCursor, kind: Kind): void {
    const { tid, cpu } = event;
    if (kind !== 'gp-mutex') {
      this.#running.set(tid, { kind, ns: event.tsNs, event: event.eventId });
      return;
    }
    // By now workqueue:workqueue_execute_start has shown the run, where it is recorded.
    const running = this.#running.get(tid);
    if (running?.kind === 'process') this.#work.implyRun(tid, cpu, running.ns, running.event, 'process_srcu');
  }

  #release(event: EventCursor, kind: Kind): void {
    if (kind === 'gp-mutex') return;
    const { tid, cpu, tsNs, eventId } = event;
    const running = this.#running.get(tid);
    this.#running.delete(tid);
    if (running?.kind !== kind) return;
    if (kind === 'callbacks' && !this.#executionsRecorded())
      this.#work.implyRun(tid, cpu, running.ns, running.event, 'srcu_invoke_callbacks');
    this.#work.endImpliedRun(tid, tsNs, eventId);
  }

  #executionsRecorded(): boolean {
    return this.#world.dictionary.types.some(({ name }) => name === 'workqueue_execute_start');
  }
}
