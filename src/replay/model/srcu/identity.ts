/**
 * Which srcu_struct is meant (MODEL 3.1): probes know its address, stacks, symbols and lock names its name. The two become one when
 * something links them; models that keep a domain are called, so that equal structs have equal domains at any time.
 */

import type { KernelProfile } from '../../../../schema/index.ts';
import type { WorkKey } from '../work/work-item.ts';

/** dep_map is among the first members of srcu_struct on every kernel (include/linux/srcutree.h). */
const MAP_WITHIN = 64n;

const isInside = (map: bigint, struct: bigint): boolean => map > struct && map - struct < MAP_WITHIN;

/** More structs than a kernel has by orders of magnitude. */
const MOST_STRUCTS = 4096;

const ADDRESS = /^srcu_struct (0x[0-9a-f]+)$/;

export type RenameListener = (from: string, to: string) => void;

/** sizeof(struct srcu_usage) is some hundred bytes, with lockdep maps below a kilobyte. */
const USAGE_BYTES = 0x800n;

export class SrcuIdentity {
  readonly #profile: KernelProfile;
  /** Static structs by the address of their srcu_usage, once the profile has them. */
  #usages: readonly (readonly [address: bigint, name: string])[] | undefined;

  /** @param profile symbols of the recorded kernel name static structs */
  constructor(profile: KernelProfile = {}) {
    this.#profile = profile;
  }

  /** The static struct whose srcu_usage holds that work item; undefined for others, and where no symbols tell. */
  ofWork(work: WorkKey): string | undefined {
    if (!this.#profile.srcuUsages) return undefined;
    this.#usages ??= Object.entries(this.#profile.srcuUsages).map(
      ([address, name]) => [BigInt(address), name] as const,
    );
    const address = BigInt.asUintN(64, BigInt(work));
    return this.#usages.find(([base]) => address >= base && address - base < USAGE_BYTES)?.[1];
  }

  /** Observed identity → the one in use. */
  readonly #domains = new Map<string, string>();
  readonly listeners: RenameListener[] = [];

  /** Live state of a snapshot. */
  get live(): Map<string, string> {
    return this.#domains;
  }

  /** Structs that are known by address only, as far as they were asked for. */
  readonly #unnamed = new Map<string, bigint>();
  /** Lockdep maps that reports name, by address. */
  readonly #maps = new Map<bigint, string>();

  /** The domain in use for an observed one: `name (0x…)`, `name`, or `srcu_struct 0x…`. */
  resolve(observed: string): string {
    const known = this.#domains.get(observed);
    if (known !== undefined) return known;
    const address = this.#unnamed.has(observed) ? undefined : ADDRESS.exec(observed)?.[1];
    if (address === undefined || this.#unnamed.size >= MOST_STRUCTS) return observed;
    this.#unnamed.set(observed, BigInt(address));
    for (const [map, name] of this.#maps) if (isInside(map, BigInt(address))) return this.link(observed, name);
    return observed;
  }

  /** A report names the lockdep map at that address: it lies inside of its srcu_struct. */
  nameMap(map: bigint, name: string): void {
    if (this.#maps.has(map) || this.#maps.size >= MOST_STRUCTS) return;
    this.#maps.set(map, name);
    for (const [observed, address] of this.#unnamed) if (isInside(map, address)) this.link(observed, name);
  }

  /**
   * The struct at an address has that name. Names of dynamic structs (`kvm->srcu`) may belong to several addresses: each keeps its own
   * domain, and what is known by name only counts to the first.
   */
  link(observed: string, name: string): string {
    const address = ADDRESS.exec(observed)?.[1];
    const known = this.#domains.get(observed);
    if (known !== undefined || address === undefined || name === '') return known ?? observed;
    const domain = `${name} (${address})`;
    this.#domains.set(observed, domain);
    this.#rename(observed, domain);
    if (!this.#domains.has(name)) {
      this.#domains.set(name, domain);
      this.#rename(name, domain);
    }
    return domain;
  }

  /**
   * The struct that a work item drives has that name; of several structs of one name the later ones keep the work item in theirs.
   * @param observed `srcu_struct of work 0x…`
   */
  nameWork(observed: string, name: string): string {
    const known = this.#domains.get(observed);
    if (known !== undefined || this.#domains.size >= MOST_STRUCTS) return known ?? observed;
    const taken = [...this.#domains].some(([other, domain]) => isOfWork(other) && domain === name);
    const domain = taken ? `${name} (${observed.replace('srcu_struct of ', '')})` : name;
    this.#domains.set(observed, domain);
    this.#rename(observed, domain);
    return domain;
  }

  /** Every name under which a struct was known at some time, with the one that it has now. */
  renames(): [observed: string, domain: string][] {
    return [...this.#domains.keys()].flatMap((observed) => {
      let domain = observed;
      for (
        let next = this.#domains.get(domain);
        next !== undefined && next !== domain;
        next = this.#domains.get(domain)
      )
        domain = next;
      return domain === observed ? [] : [[observed, domain] as [string, string]];
    });
  }

  #rename(from: string, to: string): void {
    for (const listener of this.listeners) listener(from, to);
  }
}

/** Domain of a struct that only its work item shows. */
export function domainOfWork(work: WorkKey): string {
  return `srcu_struct of work 0x${BigInt.asUintN(64, BigInt(work)).toString(16)}`;
}

export function isOfWork(domain: string): boolean {
  return domain.startsWith('srcu_struct of work ');
}

/** `rcu_tasks_trace_srcu_struct or tracepoint_srcu`: one of the two (T12). */
export function isEither(domain: string): boolean {
  return domain.includes(' or ');
}

/** Whether the domain is an address that nothing has named yet. */
export function isUnnamed(domain: string): boolean {
  return ADDRESS.test(domain);
}

/**
 * Whether a domain, which may name two structs (`a or b`, T12) and leave out addresses, can mean that struct. Not known is not the same
 * as any.
 */
export function meansStruct(domain: string, struct: string): boolean {
  if (domain === '' || struct === '') return false;
  if (domain === struct) return true;
  return isEither(domain) && domain.split(' or ').some((name) => name === plainName(struct));
}

/** `lab_srcu (0x…)` → `lab_srcu`. */
export function plainName(domain: string): string {
  return domain.replace(/ \(0x[0-9a-f]+\)$/, '');
}
