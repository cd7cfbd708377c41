/**
 * SRCU read-side critical sections, from probes on __srcu_read_lock and from lockdep's events on the map of the struct (S3.3). Readers of
 * the fast and notrace kinds leave no trace of either kind.
 */
import {
  CTX_HARDIRQ,
  CTX_KNOWN,
  CTX_NMI,
  CTX_SOFTIRQ,
  type EventCursor,
  type EventType,
  fieldsOf,
  knownName,
  type LogReport,
} from '../../../../schema/index.ts';
import type { EventHandler, Model, NamedHandler, World } from '../../core/world.ts';
import type { FunctionCall, FunctionCallModel } from '../task/function-calls.ts';
import type { Task, TaskKey, TaskModel } from '../task/task.ts';
import { isUnnamed, type SrcuIdentity } from './identity.ts';
import { locksIn } from './report-locks.ts';

/** A task inside srcu_read_lock() of one srcu_struct. */
export interface SrcuReader {
  domain: string;
  readonly task: Task;
  readonly sinceNs: number;
  readonly event: number;
  endNs: number | null;
  endEvent: number;
  /** Nesting of sections, and of what shows them. */
  depth: number;
}

const ACQUIRE = fieldsOf('lock_acquire');
const RELEASE = fieldsOf('lock_release');

/** Shorter sections cannot explain a wait that anybody asks about. */
const LONG_READER_NS = 1e6;

/** Finished sections kept for blame of waits that they held up. */
const KEPT = 8192;

/** lock_acquire flags: 2 = shared. */
const READ = 2;

/** Lockdep maps of read-side sections, as against the locks and completions of the update side. */
const READER_MAP = /srcu/;
const NO_READER_MAP = /lock\)?$|mutex$|completion|[()]/;
const UPDATE_LOCK = /^(.+)_srcu_usage\.lock$/;

const isReaderMap = (lock: string): boolean => READER_MAP.test(lock) && !NO_READER_MAP.test(lock);
const structName = (lock: string): string => lock.replace(/^&/, '');

export class SrcuReaderModel implements Model {
  readonly #world: World;
  readonly #tasks: TaskModel;
  readonly #identity: SrcuIdentity;
  /** Tasks inside a section now, by domain. */
  readonly readers = new Map<string, Map<TaskKey, SrcuReader>>();
  /** Sections that are over and were long enough to hold up a grace period, in order of their end. */
  readonly pastReaders: SrcuReader[] = [];
  /** Called when a task took the update-side lock of a struct: `domain` by name. */
  readonly updateLockListeners: ((task: Task, domain: string, eventId: number) => void)[] = [];
  /** The probe of a task's last srcu_read_lock() that its lock event may still name: domain and event. */
  readonly #unnamed = new Map<TaskKey, { readonly domain: string; readonly event: number }>();

  constructor(world: World, tasks: TaskModel, calls: FunctionCallModel, identity: SrcuIdentity) {
    this.#world = world;
    this.#tasks = tasks;
    this.#identity = identity;
    calls.listeners.push((call, event) => this.#called(call, event));
    identity.listeners.push((from, to) => this.#renamed(from, to));
  }

  /** Sections whose lock event is still to come, and the names of structs: live state of a snapshot. */
  get live(): {
    readonly unnamed: Map<TaskKey, { readonly domain: string; readonly event: number }>;
    readonly names: Map<string, string>;
  } {
    return { unnamed: this.#unnamed, names: this.#identity.live };
  }

  subscribe(type: EventType): NamedHandler | undefined {
    switch (knownName(type)) {
      case 'lock_acquire':
        return { field: ACQUIRE.name, of: (lock) => this.#onAcquire(lock) };
      case 'lock_release':
        return { field: RELEASE.name, of: (lock) => this.#onRelease(lock) };
      default:
        return undefined;
    }
  }

  /** Reports of lockdep and lists of held locks print the addresses of lock maps with their names. */
  onReport(report: LogReport): void {
    for (const { name, address } of locksIn(report))
      if (address !== undefined && isReaderMap(name)) this.#identity.nameMap(BigInt(`0x${address}`), structName(name));
  }

  #called({ role, returns, ssp }: FunctionCall, event: EventCursor): void {
    if (returns || (role.role !== 'srcu-read-lock' && role.role !== 'srcu-read-unlock')) return;
    const task = this.#tasks.get(event.tid, event.cpu);
    task.comm ||= event.comm;
    const enters = role.role === 'srcu-read-lock';
    // The function tracer shows no argument: which struct remains unknown, and so whom the reader holds up.
    if (ssp === '') return;
    const domain = this.#identity.resolve(ssp);
    if (enters && isUnnamed(domain)) this.#unnamed.set(task.key, { domain, event: event.eventId });
    else this.#unnamed.delete(task.key);
    this.#step(enters, domain, task, event);
  }

  #onAcquire(lock: string): EventHandler | undefined {
    const updated = UPDATE_LOCK.exec(lock)?.[1];
    const struct = structName(updated ?? lock);
    if (updated !== undefined) return (event) => this.#asks(event, struct);
    return isReaderMap(lock) ? (event) => this.#enters(event, struct) : undefined;
  }

  #onRelease(lock: string): EventHandler | undefined {
    const struct = structName(lock);
    return isReaderMap(lock) ? (event) => this.#leaves(event, struct) : undefined;
  }

  /** An interrupt may ask for a grace period of another struct. */
  #asks(event: EventCursor, struct: string): void {
    if (event.flags & CTX_KNOWN && event.flags & (CTX_HARDIRQ | CTX_SOFTIRQ | CTX_NMI)) return;
    const task = this.#tasks.get(event.tid, event.cpu);
    for (const listener of this.updateLockListeners) listener(task, struct, event.eventId);
  }

  #enters(event: EventCursor, struct: string): void {
    if (!(event.int(ACQUIRE.flags) & READ)) return;
    const task = this.#tasks.get(event.tid, event.cpu);
    task.comm ||= event.comm;
    // srcu_read_lock() calls __srcu_read_lock() and tells lockdep next: the same section.
    const probed = this.#unnamed.get(task.key);
    if (probed) {
      this.#unnamed.delete(task.key);
      this.#identity.link(probed.domain, struct);
    }
    this.#step(true, this.#identity.resolve(struct), task, event);
  }

  #leaves(event: EventCursor, struct: string): void {
    const task = this.#tasks.get(event.tid, event.cpu);
    this.#step(false, this.#identity.resolve(struct), task, event);
  }

  #step(enters: boolean, domain: string, task: Task, event: EventCursor): void {
    const readers = this.readers.get(domain);
    const reader = readers?.get(task.key);
    if (enters) {
      if (reader) reader.depth++;
      else this.#entered(domain, task, event);
    } else if (readers && reader && --reader.depth === 0) {
      readers.delete(task.key);
      if (readers.size === 0) this.readers.delete(domain);
      reader.endNs = event.tsNs;
      reader.endEvent = event.eventId;
      this.#ended(reader);
    }
  }

  #entered(domain: string, task: Task, event: EventCursor): void {
    this.#of(domain).set(task.key, {
      domain,
      task,
      sinceNs: event.tsNs,
      event: event.eventId,
      endNs: null,
      endEvent: 0,
      depth: 1,
    });
  }

  #of(domain: string): Map<TaskKey, SrcuReader> {
    let readers = this.readers.get(domain);
    if (!readers) {
      readers = new Map();
      this.readers.set(domain, readers);
    }
    return readers;
  }

  #ended(reader: SrcuReader): void {
    const endNs = reader.endNs as number;
    if (endNs - reader.sinceNs >= LONG_READER_NS) {
      this.pastReaders.push(reader);
      if (this.pastReaders.length > KEPT * 2) this.pastReaders.splice(0, KEPT);
    }
    this.#fact(reader);
  }

  #fact({ domain, task, sinceNs, endNs }: SrcuReader): void {
    this.#world.facts.srcuReader({ domain, comm: this.#tasks.name(task), tid: task.tid, startNs: sinceNs, endNs });
  }

  #renamed(from: string, to: string): void {
    const moved = this.readers.get(from);
    if (moved) {
      this.readers.delete(from);
      const readers = this.#of(to);
      for (const [key, reader] of moved) {
        const other = readers.get(key);
        reader.domain = to;
        // The same section under both identities.
        if (other) other.depth += reader.depth;
        else readers.set(key, reader);
      }
    }
    for (const reader of this.pastReaders) if (reader.domain === from) reader.domain = to;
  }

  finish(): void {
    for (const readers of this.readers.values()) for (const reader of readers.values()) this.#fact(reader);
  }
}
