/** Calls for grace periods that rcu:* events show with both ends: rcu_sr_normal, rcu_barrier, rcu_exp_grace_period (MODEL 1.1, R2.23, R2.24). */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler } from '../../core/world.ts';
import type { Task, TaskModel } from '../task/task.ts';
import type { OpenWaits } from './open-waits.ts';

const NORMAL = fieldsOf('rcu_sr_normal');
const BARRIER = fieldsOf('rcu_barrier');
const EXPEDITED = fieldsOf('rcu_exp_grace_period');

export class SyncEvents {
  readonly #tasks: TaskModel;
  readonly #open: OpenWaits;

  constructor(tasks: TaskModel, open: OpenWaits) {
    this.#tasks = tasks;
    this.#open = open;
  }

  subscribe(type: EventType): EventHandler | undefined {
    switch (knownName(type)) {
      case 'rcu_sr_normal':
        return (event) => this.#normal(event);
      case 'rcu_barrier':
        return (event) => this.#barrier(event);
      case 'rcu_exp_grace_period':
        return (event) => this.#expedited(event);
      default:
        return undefined;
    }
  }

  #caller(event: EventCursor): Task {
    return this.#tasks.get(event.tid, event.cpu);
  }

  /** request/complete pair on one on-stack head per call (MODEL 1.1). */
  #normal(event: EventCursor): void {
    const task = this.#caller(event);
    if (event.text(NORMAL.srevent) !== 'request') {
      this.#open.returned(task, 'rcu_sr_normal', 'rcu', event);
      return;
    }
    const domain = event.text(NORMAL.rcuname);
    const call = { resource: 'rcu', api: 'synchronize_rcu', domain, source: 'event', fn: 'rcu_sr_normal' } as const;
    this.#open.enter(task, call, event.tsNs, event.eventId);
  }

  /** `Begin` to `Inc2`, or to `EarlyExit` when another barrier had done it (R2.24). */
  #barrier(event: EventCursor): void {
    const what = event.text(BARRIER.s);
    if (what === 'Inc2' || what === 'EarlyExit')
      this.#open.returned(this.#caller(event), 'barrier_events', 'barrier', event);
    if (what !== 'Begin') return;
    const domain = event.text(BARRIER.rcuname);
    const call = { resource: 'barrier', api: 'rcu_barrier', domain, source: 'event', fn: 'barrier_events' } as const;
    this.#open.enter(this.#caller(event), call, event.tsNs, event.eventId);
  }

  /** `snap` when the caller takes its target, `done` when it sees that it is reached: both by the caller itself (R2.23). */
  #expedited(event: EventCursor): void {
    const what = event.text(EXPEDITED.gpevent);
    if (what !== 'snap' && what !== 'done') return;
    const task = this.#caller(event);
    if (what === 'done') {
      this.#open.returned(task, 'rcu_exp', 'rcu-expedited', event);
      return;
    }
    const domain = event.text(EXPEDITED.rcuname);
    const api = 'synchronize_rcu_expedited';
    const call = { resource: 'rcu-expedited', api, domain, source: 'event', fn: 'rcu_exp' } as const;
    this.#open.enter(task, call, event.tsNs, event.eventId);
  }
}
