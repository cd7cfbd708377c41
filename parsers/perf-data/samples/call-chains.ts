/**
 * Stacks of samples. A chain is looked up by its addresses first; only one that was not seen yet is resolved, address by
 * address. Most chains repeat: 131,707 samples of a busy machine held 3,748 different ones.
 */
import type { DictionaryWriter } from '../../dictionary-writer.ts';
import type { SymbolHit } from '../../kernel-symbols.ts';
import { SequenceTable } from '../../sequence-table.ts';
import { AddressCache, formatAddress } from '../../tracefs-format/address-cache.ts';
import { CONTEXT_KERNEL_LO, CONTEXT_MAX_LO, CONTEXT_USER_LO } from '../header/perf-event-abi.ts';
import type { AddressMaps } from '../symbols/address-maps.ts';

const TWO_32 = 4294967296;

/** Finds the function that covers a kernel address. */
export type KernelLookup = (hi: number, lo: number) => SymbolHit | undefined;

export class CallChains {
  readonly #dictionary: DictionaryWriter;
  readonly #maps: AddressMaps;
  readonly #kernelLookup: KernelLookup;
  readonly #chains = new SequenceTable();
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
    const loOffset = littleEndian ? 0 : 4;
    let hasUser = false;
    for (let i = 0, at = start; i < count; i += 2, at += 8) {
      const hi = view.getInt32(at + 4 - loOffset, littleEndian);
      words[i] = view.getInt32(at + loOffset, littleEndian);
      words[i + 1] = hi;
      if (hi >= 0) hasUser = true;
    }
    // User addresses mean something under one set of mappings only.
    const mapsVersion = hasUser ? this.#maps.version(pid) : 0;
    const known = this.#chains.find(words, count, mapsVersion);
    if (known >= 0) return known;
    const stack = this.#resolve(count, pid);
    this.#chains.add(words, count, mapsVersion, stack);
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
          hit.sizeBytes,
          this.#dictionary.string(formatAddress(hi, lo)),
        )
      : this.#unresolved(hi, lo);
    this.#kernelFrames.add(hi, lo, frame);
    return frame;
  }

  /** The address stands for the function, so that equal places stay equal. */
  #unresolved(hi: number, lo: number): number {
    const address = formatAddress(hi, lo);
    const module = this.#maps.moduleAt(KERNEL_MAPS, hi * TWO_32 + (lo >>> 0));
    const id = this.#dictionary.string(address);
    return this.#dictionary.frame(id, -1, Math.max(0, module), -1, id);
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
