/**
 * Who waits for whom via locks (MODEL W22, W23): owners from held stacks; without lock events from what the kernel's own
 * reports tell of held and wanted locks, joined with contention events by task, address distance and call stack.
 */
import type { Dictionary, Evidence } from '../../../../schema/index.ts';
import { ACQUIRE_MACHINERY } from '../../knowledge/lock/functions.ts';
import type { LockInstance } from './class.ts';
import type { LockModel } from './lock.ts';
import type { LockWaitState } from './wait.ts';

/** Task `fromKey` cannot go on before task `toKey` lets go of the lock. Keys: tid, or −1 − cpu for idle tasks. */
export interface LockWaitEdge {
  readonly fromKey: number;
  readonly toKey: number;
  /** Names as lock events show them (string ids, 0 unknown). */
  readonly fromComm: number;
  readonly toComm: number;
  readonly lock: string;
  readonly sinceNs: number;
  readonly evidence: readonly Evidence[];
  /** `observed`: held stack or held-locks list · `inferred`: by stack or address distance (L5.50). */
  readonly certainty: 'observed' | 'inferred';
  /** How the owner is known, one phrase. */
  readonly basis: string;
}

/** Distance from a lock to the lockdep map inside it is that of a struct: anything else is chance. */
const MAX_MAP_OFFSET = 4096n;

export function lockWaitEdges(locks: LockModel, dictionary: Dictionary): LockWaitEdge[] {
  const naming = new ContentionNaming(locks, dictionary);
  return locks
    .waits()
    .flatMap((wait) => (wait.source === 'lockdep' ? fromStacks(locks, wait, dictionary) : naming.edges(wait)));
}

function fromStacks(locks: LockModel, wait: LockWaitState, dictionary: Dictionary): LockWaitEdge[] {
  // What the task holds itself is doubtful by the very second acquisition, and proves the wait for itself when that never ends.
  const own = locks.heldBy(wait.taskKey).filter((holder) => holder.owned && holder.instance === wait.instance);
  return [...own, ...locks.holders(wait.instance).filter((holder) => holder.taskKey !== wait.taskKey)]
    .filter((holder) => !(holder.read && wait.read))
    .map((holder) => ({
      fromKey: wait.taskKey,
      toKey: holder.taskKey,
      fromComm: wait.comm,
      toComm: holder.comm,
      lock: wait.className,
      sinceNs: wait.sinceNs,
      evidence: [
        { event: holder.eventId, role: `${label(dictionary, holder)} acquires ${holder.className}` },
        { event: wait.eventId, role: `${label(dictionary, wait)} waits for ${wait.className}` },
      ],
      certainty: 'observed',
      basis: 'the owner acquired it and has not released it',
    }));
}

/** Names and owners for waits that only contention events show. */
class ContentionNaming {
  readonly #locks: LockModel;
  readonly #dictionary: Dictionary;
  /** Bytes from a lock to its lockdep map, where a report and a contention event tell of one and the same. */
  readonly #offsets = new Set<bigint>();

  constructor(locks: LockModel, dictionary: Dictionary) {
    this.#locks = locks;
    this.#dictionary = dictionary;
    for (const wait of locks.waits()) {
      const wanted = this.#wantedBy(wait);
      if (wait.source !== 'contention' || wanted?.address === undefined) continue;
      const offset = BigInt(`0x${wanted.address}`) - unsigned(wait.instance);
      if (offset >= -MAX_MAP_OFFSET && offset <= MAX_MAP_OFFSET) this.#offsets.add(offset);
    }
  }

  edges(wait: LockWaitState): LockWaitEdge[] {
    const lock = this.#nameOf(wait);
    if (lock === undefined) return [];
    const evidence: Evidence[] = [
      { event: wait.eventId, role: `${label(this.#dictionary, wait)} waits for ${lock.name} (${lock.basis})` },
    ];
    const make = (tid: number, basis: string, line: number): LockWaitEdge => ({
      fromKey: wait.taskKey,
      toKey: tid,
      fromComm: wait.comm,
      toComm: 0,
      lock: lock.name,
      sinceNs: wait.sinceNs,
      evidence: line > 0 ? [...evidence, { line, role: `${tid} holds ${lock.name}: ${basis}` }] : evidence,
      certainty: lock.basis === REPORT && basis === REPORT ? 'observed' : 'inferred',
      basis: `${lock.basis}; owner: ${basis}`,
    });
    const { reports } = this.#locks;
    const held = reports.held.findLast((entry) => entry.lock.name === lock.name && entry.task.tid !== wait.tid);
    if (held) return [make(held.task.tid, REPORT, held.line)];
    // A waiter whose stack is that of a reported chain entry holds what that entry held.
    for (const other of this.#locks.waits()) {
      if (other.taskKey === wait.taskKey) continue;
      const order = this.#orderAt(other);
      if (order?.held === lock.name)
        return [make(other.tid, 'it waits at the site where lockdep saw it held', order.line)];
    }
    return [];
  }

  #wantedBy(wait: LockWaitState): { readonly name: string; readonly address?: string } | undefined {
    return this.#locks.reports.wanted.findLast((entry) => entry.task.tid === wait.tid)?.lock;
  }

  #nameOf(wait: LockWaitState): { readonly name: string; readonly basis: string } | undefined {
    if (wait.className) return { name: wait.className, basis: 'lock events name that address' };
    const wanted = this.#wantedBy(wait);
    if (wanted) return { name: wanted.name, basis: REPORT };
    for (const offset of this.#offsets) {
      const map = (unsigned(wait.instance) + offset).toString(16);
      const known = this.#locks.reports.held.find((entry) => entry.lock.address === map);
      if (known) return { name: known.lock.name, basis: 'by its address, next to a lockdep map that a report names' };
    }
    const order = this.#orderAt(wait);
    return order && { name: order.acquired, basis: 'it waits at the site where lockdep saw it acquired' };
  }

  /** The chain entry whose stack the waiter is in. */
  #orderAt(
    wait: LockWaitState,
  ): { readonly held: string; readonly acquired: string; readonly line: number } | undefined {
    const { reports } = this.#locks;
    const stacks = [
      ...(wait.stack ? [this.#dictionary.stackSymbols(wait.stack)] : []),
      ...(reports.stackOf(wait.tid) ? [reports.stackOf(wait.tid) as readonly string[]] : []),
    ];
    return reports.orders.findLast((order) => stacks.some((stack) => endsWith(stack, order.stack)));
  }
}

function label(dictionary: Dictionary, who: { readonly taskKey: number; readonly comm: number }): string {
  if (who.taskKey < 0) return `<idle>/${-1 - who.taskKey}`;
  return `${dictionary.string(who.comm) || '<...>'}:${who.taskKey}`;
}

const REPORT = 'the kernel reported it';

/** Whether a stack contains all frames of a chain entry, outermost frames aligned, lockdep's own frames left out. */
function endsWith(stack: readonly string[], entry: readonly string[]): boolean {
  const wanted = entry.filter((symbol) => !ACQUIRE_MACHINERY.test(symbol));
  const plain = stack.filter((symbol) => symbol !== '');
  if (wanted.length < 3 || plain.length < wanted.length) return false;
  return wanted.every((symbol, i) => symbol === plain[plain.length - wanted.length + i]);
}

function unsigned(instance: LockInstance): bigint {
  return BigInt.asUintN(64, BigInt(instance));
}
