/**
 * Stacks of samples. A chain is looked up by its addresses first; only one that was not seen yet is resolved, address by
 * address. Most chains repeat: 131,707 samples of a busy machine hold some 30,000 different ones.
 */
import type { DictionaryWriter } from '../dictionary-writer.ts';
import type { SymbolHit } from '../kernel-symbols.ts';
import { AddressCache } from '../tracefs-format/address-cache.ts';
import type { AddressMaps } from './address-maps.ts';
import { CONTEXT_KERNEL_LO, CONTEXT_MAX_LO, CONTEXT_USER_LO } from './perf-event-abi.ts';

/** Words of remembered chains; beyond this the memory begins anew (the dictionary still knows every stack). */
const MAX_CHAIN_WORDS = 1 << 22;
const FIRST_SLOTS = 1 << 12;
const TWO_32 = 4294967296;

/** Finds the function that covers a kernel address. */
export type KernelLookup = (hi: number, lo: number) => SymbolHit | undefined;

/** Chains by their words and by the mappings that their user addresses are read with. */
class ChainTable {
  #slots = new Int32Array(FIRST_SLOTS).fill(-1);
  #hash: number[] = [];
  #start: number[] = [];
  #mapsVersion: number[] = [];
  #stack: number[] = [];
  #words = new Int32Array(1 << 16);
  #wordEnd = 0;

  find(words: Int32Array, count: number, mapsVersion: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry < 0) return -1;
      if (this.#hash[entry] === hash && this.#mapsVersion[entry] === mapsVersion && this.#same(entry, words, count))
        return this.#stack[entry];
    }
  }

  #same(entry: number, words: Int32Array, count: number): boolean {
    const start = this.#start[entry];
    const end = entry + 1 < this.#start.length ? this.#start[entry + 1] : this.#wordEnd;
    if (end - start !== count) return false;
    for (let i = 0; i < count; i++) if (this.#words[start + i] !== words[i]) return false;
    return true;
  }

  add(words: Int32Array, count: number, mapsVersion: number, hash: number, stack: number): void {
    if (this.#wordEnd + count > MAX_CHAIN_WORDS) this.#clear();
    while (this.#wordEnd + count > this.#words.length) {
      const grown = new Int32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    const entry = this.#stack.length;
    this.#hash.push(hash);
    this.#start.push(this.#wordEnd);
    this.#mapsVersion.push(mapsVersion);
    this.#stack.push(stack);
    this.#words.set(words.subarray(0, count), this.#wordEnd);
    this.#wordEnd += count;
    if (entry * 2 > this.#slots.length) {
      this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
      for (let i = 0; i <= entry; i++) this.#place(i);
    } else this.#place(entry);
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hash[entry] & mask;
    while (this.#slots[slot] >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #clear(): void {
    this.#slots = new Int32Array(FIRST_SLOTS).fill(-1);
    this.#hash = [];
    this.#start = [];
    this.#mapsVersion = [];
    this.#stack = [];
    this.#wordEnd = 0;
  }
}

export class CallChains {
  readonly #dictionary: DictionaryWriter;
  readonly #maps: AddressMaps;
  readonly #kernelLookup: KernelLookup;
  readonly #chains = new ChainTable();
  readonly #kernelFrames = new AddressCache();
  /** Frame of an unresolved address by the string id of its module. */
  readonly #userFrames = new Map<number, number>();
  readonly #unknown: number;
  #words = new Int32Array(1024);
  #frames: number[] = [];

  constructor(dictionary: DictionaryWriter, maps: AddressMaps, kernelLookup: KernelLookup) {
    this.#dictionary = dictionary;
    this.#maps = maps;
    this.#kernelLookup = kernelLookup;
    this.#unknown = dictionary.string('[unknown]');
  }

  /** Stack id of a chain of `length` addresses at `start`, innermost first, with its context markers. */
  stack(view: DataView, start: number, length: number, littleEndian: boolean, pid: number): number {
    const count = length * 2;
    if (count > this.#words.length) this.#words = new Int32Array(count * 2);
    const words = this.#words;
    const hiFirst = littleEndian ? 0 : 1;
    let hash = 0x811c9dc5 ^ count;
    let hasUser = false;
    for (let i = 0, at = start; i < count; i += 2, at += 8) {
      const lo = view.getInt32(at + (hiFirst ? 4 : 0), littleEndian);
      const hi = view.getInt32(at + (hiFirst ? 0 : 4), littleEndian);
      words[i] = lo;
      words[i + 1] = hi;
      hash = Math.imul(hash ^ lo, 0x01000193) ^ hi;
      if (hi >= 0) hasUser = true;
    }
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    hash ^= hash >>> 13;
    const mapsVersion = hasUser ? this.#maps.version(pid) : 0;
    const known = this.#chains.find(words, count, mapsVersion, hash);
    if (known >= 0) return known;
    const stack = this.#resolve(count, pid);
    this.#chains.add(words, count, mapsVersion, hash, stack);
    return stack;
  }

  /** Stack id of a single address, the place where a sample without call chain was taken. */
  place(hi: number, lo: number, isKernel: boolean, pid: number): number {
    this.#frames.length = 0;
    this.#frames.push(this.#frame(hi, lo, isKernel, pid));
    return this.#dictionary.stack(this.#frames);
  }

  #resolve(count: number, pid: number): number {
    const frames = this.#frames;
    frames.length = 0;
    const words = this.#words;
    // Chains of kernels before 2.6.32 have no marker; their addresses tell by themselves.
    let isKernel = words[1] < 0;
    for (let i = 0; i < count; i += 2) {
      const lo = words[i] >>> 0;
      const hi = words[i + 1];
      if (hi === -1 && lo >= CONTEXT_MAX_LO) {
        if (lo === CONTEXT_KERNEL_LO) isKernel = true;
        else if (lo === CONTEXT_USER_LO) isKernel = false;
        else break; // hypervisor or guest: perf resolves no further either
        continue;
      }
      frames.push(this.#frame(hi, lo, isKernel, pid));
    }
    return this.#dictionary.stack(frames);
  }

  #frame(hi: number, lo: number, isKernel: boolean, pid: number): number {
    return isKernel ? this.#kernelFrame(hi, lo) : this.#userFrame(hi, lo, pid);
  }

  #kernelFrame(hi: number, lo: number): number {
    const known = this.#kernelFrames.find(hi, lo);
    if (known >= 0) return known;
    const hit = this.#kernelLookup(hi, lo);
    const frame = hit
      ? this.#dictionary.frame(
          this.#dictionary.string(hit.name),
          hit.offset,
          hit.module === '' ? 0 : this.#dictionary.string(hit.module),
        )
      : this.#unresolved(hi, lo);
    this.#kernelFrames.add(hi, lo, frame);
    return frame;
  }

  /** The address stands for the function, so that equal places stay equal. */
  #unresolved(hi: number, lo: number): number {
    const low = (lo >>> 0).toString(16);
    const address = hi === 0 ? low : (hi >>> 0).toString(16) + low.padStart(8, '0');
    const module = this.#maps.moduleAt(KERNEL_MAPS, hi * TWO_32 + (lo >>> 0));
    return this.#dictionary.frame(this.#dictionary.string(address), -1, Math.max(0, module));
  }

  #userFrame(hi: number, lo: number, pid: number): number {
    const mapped = this.#maps.moduleAt(pid, hi * TWO_32 + (lo >>> 0));
    const module = mapped < 0 ? this.#dictionary.string('unknown') : mapped;
    let frame = this.#userFrames.get(module);
    if (frame === undefined) {
      frame = this.#dictionary.frame(this.#unknown, -1, module);
      this.#userFrames.set(module, frame);
    }
    return frame;
  }
}

/** Process number under which the mappings of the kernel and its modules are kept, as in their records (pid −1). */
export const KERNEL_MAPS = -1;
