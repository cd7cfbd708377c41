/**
 * Lock classes: one per lock name (MODEL L5.10). Collects what the events show of a class: instances, interrupt usage (L5.40),
 * and the evidence for its wait type (L5.36).
 */
import { type LockNameRule, lockNameRule } from '../../knowledge/lock/names.ts';

/** Address of a lockdep map as {@link EventCursor.key} gives it; a negative class number − 1 when the event carries none. */
export type LockInstance = number | bigint;

/** Hexadecimal without 0x, 16 digits for kernel addresses. */
export function addressText(instance: LockInstance): string {
  return BigInt.asUintN(64, BigInt(instance)).toString(16);
}

/** Evidence for a wait type, as bits of {@link LockClass.evidence}. */
export const WAIT_RT_SPIN = 1;
/** A raw spinlock on PREEMPT_RT, either kind elsewhere. */
export const WAIT_SPIN_FRAME = 2;
export const WAIT_SLEEP_FRAME = 4;
/** `X.lock.wait_lock` was taken while X was being acquired: X is a spinlock on PREEMPT_RT. */
export const WAIT_RT_INNER = 8;
/** A task left the CPU to sleep while it waited for it. */
export const WAIT_SLEPT = 16;
/** Acquired (not tried) with preemption and interrupts on: no raw spinlock, and no spinlock at all where PREEMPT_RT is off. */
export const WAIT_PREEMPTIBLE = 32;
/** Acquired with preemption off, as every raw spinlock is. */
export const WAIT_ATOMIC = 64;
/** contention_begin with MUTEX: kernel/locking/mutex.c alone sets it, for the spinning path too. */
export const WAIT_MUTEX = 128;
/** Preemption was off while it was the only lock held: it keeps preemption off, unless the code around it does. */
export const WAIT_HELD_ATOMIC = 256;
/** Preemption was on while it was held: no spinlock, where PREEMPT_RT is off. */
export const WAIT_HELD_PREEMPTIBLE = 512;
/** lock_acquire() is called by no lock function: a lockdep map, or a local_lock. */
export const WAIT_INLINED = 1024;

/** Usage bits: kind (0 hardirq, 1 softirq) · 4 + direction (0 used in, 1 used with it enabled) · 2 + read. */
export const USAGE_IN = 0;
export const USAGE_ON = 2;
export const USAGE_READ = 1;
export const USAGE_SOFTIRQ = 4;
export const USAGE_BITS = 8;

const RT_INNER_SUFFIX = '.lock.wait_lock';
const TRACKED_INSTANCES = 16;
const TRACKED_PER_USAGE = 8;
const INSTANCE_BITMAP_WORDS = 64;

/** Stands for the address where the events carry none. */
export function withoutAddress({ classId }: { readonly classId: number }): LockInstance {
  return -1 - classId;
}

export class LockClass {
  readonly classId: number;
  readonly name: string;
  readonly rule: LockNameRule;
  /** Excludes others: guards, waits and predictions count it. */
  readonly isLock: boolean;
  /** check≠0: a node of the dependency graph (L5.26). */
  readonly checked: boolean;
  readonly printk: boolean;
  /** A lock that the slow path of another one takes, or the scheduler: legal before that one is owned. */
  readonly slowPath: boolean;
  /** Its name does not say that it leaves preemption on. Maps do not touch preemption; of the readers rcu_read_lock_sched() does. */
  readonly mayBeSpun: boolean;
  /** X for the inner lock `X.lock.wait_lock` of a PREEMPT_RT spinlock, else ''. */
  readonly rtOuterName: string;

  acquisitions = 0;
  /** Non-try acquisitions. */
  blocking = 0;
  /** lock_acquired events: only real locks have them (LOCK_STAT). */
  acquiredEvents = 0;
  contended = 0;
  /** Bits of WAIT_*. */
  evidence = 0;
  /** First event behind each evidence bit that a finding may cite. */
  readonly evidenceEvent = new Map<number, number>();
  /** `{outer:inner}` of a lockdep report, numbers as printed (L5.31). */
  reportedOuter = -1;
  reportedInner = -1;

  /** Usage bits seen, their first event, time and task. */
  usage = 0;
  readonly usageEvent = new Float64Array(USAGE_BITS).fill(-1);
  readonly usageNs = new Float64Array(USAGE_BITS).fill(-1);
  readonly usageTask = new Int32Array(USAGE_BITS);
  readonly usageComm = new Int32Array(USAGE_BITS);
  readonly usageStack = new Int32Array(USAGE_BITS);
  readonly #usageInstances: (LockInstance[] | undefined)[] = [];

  /** One task held two addresses of it at once: a nesting annotation (subclass), which events do not carry, may split the class (L5.10). */
  nested = false;
  lastInstance: LockInstance = 0;
  #instances: LockInstance[] = [];
  #bitmap: Uint32Array | undefined;

  constructor(classId: number, name: string, printk: boolean) {
    this.classId = classId;
    this.name = name;
    this.rule = lockNameRule(name);
    this.isLock = this.rule.nature === 'lock';
    this.checked = this.rule.nature !== 'reader';
    this.printk = printk;
    this.slowPath = this.rule.inner === 'raw' || name.endsWith('wait_lock');
    this.mayBeSpun = this.isLock
      ? this.rule.inner !== 'sleep' || this.rule.convention === true
      : this.rule.inner === 'raw';
    this.rtOuterName = name.endsWith(RT_INNER_SUFFIX) ? name.slice(0, -RT_INNER_SUFFIX.length) : '';
  }

  noteEvidence(bit: number, eventId: number): void {
    if (this.evidence & bit) return;
    this.evidence |= bit;
    this.evidenceEvent.set(bit, eventId);
  }

  noteInstance(instance: LockInstance): void {
    this.lastInstance = instance;
    if (this.#bitmap === undefined) {
      if (this.#instances.includes(instance)) return;
      if (this.#instances.length < TRACKED_INSTANCES) {
        this.#instances.push(instance);
        return;
      }
      this.#bitmap = new Uint32Array(INSTANCE_BITMAP_WORDS);
      for (const known of this.#instances) this.#mark(known);
    }
    this.#mark(instance);
  }

  #mark(instance: LockInstance): void {
    const hash = Math.imul(hashInstance(instance), 0x9e3779b1) >>> 0;
    const bit = hash % (INSTANCE_BITMAP_WORDS * 32);
    (this.#bitmap as Uint32Array)[bit >> 5] |= 1 << (bit & 31);
  }

  /** Distinct addresses seen; exact up to 16, beyond that an estimate by linear counting (2048 bits), which saturates near 15,000. */
  get instances(): number {
    if (this.#bitmap === undefined) return this.#instances.length;
    const size = INSTANCE_BITMAP_WORDS * 32;
    let empty = 0;
    for (const word of this.#bitmap) for (let bit = 0; bit < 32; bit++) if (!(word & (1 << bit))) empty++;
    return Math.max(TRACKED_INSTANCES + 1, Math.round(-size * Math.log(Math.max(empty, 1) / size)));
  }

  /** One address only: what holds for the class holds for the lock. */
  get single(): boolean {
    return this.#bitmap === undefined && this.#instances.length <= 1;
  }

  /** LD_LOCK_PERCPU: by name; or because no lock function takes it, nothing ever owns it, and preemption is off each time. */
  get perCpu(): boolean {
    const { evidence } = this;
    return (
      this.rule.perCpu === true ||
      (this.isLock &&
        this.acquiredEvents === 0 &&
        (evidence & (WAIT_INLINED | WAIT_ATOMIC)) === (WAIT_INLINED | WAIT_ATOMIC) &&
        (evidence & (WAIT_PREEMPTIBLE | WAIT_SPIN_FRAME | WAIT_SLEEP_FRAME | WAIT_RT_SPIN)) === 0)
    );
  }

  /** A lockdep map without a lock behind it: by name, or because LOCK_STAT never saw it taken. */
  get pseudo(): boolean {
    return !this.isLock;
  }

  markUsage(
    bit: number,
    instance: LockInstance,
    eventId: number,
    nowNs: number,
    task: number,
    comm: number,
    stack: number,
  ): void {
    const mask = 1 << bit;
    const group = bit >> 1;
    const list = this.#usageInstances[group];
    if (list === undefined) this.#usageInstances[group] = [instance];
    else if (list.length < TRACKED_PER_USAGE && !list.includes(instance)) list.push(instance);
    if (this.usage & mask) return;
    this.usage |= mask;
    this.usageEvent[bit] = eventId;
    this.usageNs[bit] = nowNs;
    this.usageTask[bit] = task;
    this.usageComm[bit] = comm;
    this.usageStack[bit] = stack;
  }

  /** Whether some address was both used in and used with that kind of interrupt enabled (bit groups: see USAGE_*). */
  sameInstanceInBoth(softirq: boolean): boolean {
    if (this.single) return true;
    const base = softirq ? USAGE_SOFTIRQ >> 1 : 0;
    const used = this.#usageInstances[base + (USAGE_IN >> 1)];
    const enabled = this.#usageInstances[base + (USAGE_ON >> 1)];
    return used !== undefined && enabled !== undefined && used.some((instance) => enabled.includes(instance));
  }

  /** Whether this address is among those remembered for a direction (USAGE_IN or USAGE_ON, either kind of interrupt). */
  usedAt(direction: number, instance: LockInstance): boolean {
    const group = direction >> 1;
    return [group, group + (USAGE_SOFTIRQ >> 1)].some((index) => this.#usageInstances[index]?.includes(instance));
  }

  /** The stack of the acquisition that set usage bits came later. */
  addUsageStack(eventId: number, stack: number): void {
    for (let bit = 0; bit < USAGE_BITS; bit++) if (this.usageEvent[bit] === eventId) this.usageStack[bit] = stack;
  }

  /** The four characters that lockdep prints: hardirq-W, hardirq-R, softirq-W, softirq-R (L5.41). */
  usageText(): string {
    const character = (base: number): string => {
      const used = this.usage & (1 << (base + USAGE_IN));
      const enabled = this.usage & (1 << (base + USAGE_ON));
      return used && enabled ? '?' : used ? '-' : enabled ? '+' : '.';
    };
    return [0, USAGE_READ, USAGE_SOFTIRQ, USAGE_SOFTIRQ + USAGE_READ].map(character).join('');
  }
}

/** 32 bits of an address; equal addresses give equal hashes. */
export function hashInstance(instance: LockInstance): number {
  // Addresses are multiples of 8: the low bits carry nothing.
  return typeof instance === 'number' ? (instance / 8) | 0 : Number(BigInt.asIntN(32, instance >> 3n));
}
