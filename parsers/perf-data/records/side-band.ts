/** Records about tasks and mappings: COMM, FORK, EXIT, MMAP, MMAP2, KSYMBOL. They say how samples are to be read. */
import type { DictionaryWriter } from '../../dictionary-writer.ts';
import type { SymbolHit } from '../../kernel-symbols.ts';
import {
  KSYMBOL_UNREGISTER,
  MISC_CPUMODE_KERNEL,
  MISC_CPUMODE_MASK,
  MISC_FORK_EXEC,
  RECORD_COMM,
  RECORD_EXIT,
  RECORD_FORK,
  RECORD_KSYMBOL,
  RECORD_MMAP,
  RECORD_MMAP2,
} from '../header/perf-event-abi.ts';
import { KERNEL_MAPS } from '../samples/call-chains.ts';
import { AddressMaps } from '../symbols/address-maps.ts';
import { moduleName } from '../symbols/module-name.ts';
import type { RecordBlock } from './blocks.ts';
import { TaskNames } from './task-names.ts';

const TWO_32 = 4294967296;
/** Functions loaded while recording (BPF programs, trampolines) that are kept. */
const MAX_LOADED_SYMBOLS = 1 << 16;
const decoder = new TextDecoder('utf-8');

interface LoadedSymbol {
  readonly hi: number;
  readonly lo: number;
  readonly sizeBytes: number;
  readonly name: string;
}

/** The symbol that perf measures a relocated kernel by, from the kernel's own MMAP record. */
export interface KernelReference {
  /** `_text` or `_stext`. */
  readonly symbol: string;
  readonly hi: number;
  readonly lo: number;
}

export class SideBand {
  readonly tasks: TaskNames;
  readonly maps = new AddressMaps();
  kernelReference: KernelReference | undefined;
  readonly #dictionary: DictionaryWriter;
  readonly #littleEndian: boolean;
  readonly #loaded = new Map<number, LoadedSymbol>();

  constructor(dictionary: DictionaryWriter, littleEndian: boolean) {
    this.#dictionary = dictionary;
    this.#littleEndian = littleEndian;
    this.tasks = new TaskNames(dictionary);
  }

  /**
   * Takes in one record.
   * @param trailerBytes size of the sample_id words at its end
   * @returns false when the record is too short for what it should hold; undefined when it is of another type
   */
  apply(
    block: RecordBlock,
    at: number,
    size: number,
    type: number,
    misc: number,
    trailerBytes: number,
  ): boolean | undefined {
    const end = at + size - trailerBytes;
    switch (type) {
      case RECORD_COMM:
        return this.#comm(block, at, end);
      case RECORD_FORK:
        return this.#fork(block, at, end, misc);
      case RECORD_EXIT:
        return this.#exit(block, at, end);
      case RECORD_MMAP:
        return this.#mmap(block, at, end, misc, at + 40);
      case RECORD_MMAP2:
        return this.#mmap(block, at, end, misc, at + 72);
      case RECORD_KSYMBOL:
        return this.#ksymbol(block, at, end);
      default:
        return undefined;
    }
  }

  /** A function that was loaded while recording and covers the address. */
  loadedSymbol(hi: number, lo: number): SymbolHit | undefined {
    for (const symbol of this.#loaded.values()) {
      if (symbol.hi !== hi) continue;
      const offset = (lo >>> 0) - symbol.lo;
      const { name, sizeBytes } = symbol;
      if (offset >= 0 && offset < sizeBytes) return { name, offset, module: 'bpf', sizeBytes };
    }
    return undefined;
  }

  #hi(block: RecordBlock, at: number): number {
    return block.view.getInt32(this.#littleEndian ? at + 4 : at, this.#littleEndian);
  }

  #lo(block: RecordBlock, at: number): number {
    return block.view.getUint32(this.#littleEndian ? at : at + 4, this.#littleEndian);
  }

  #i32(block: RecordBlock, at: number): number {
    return block.view.getInt32(at, this.#littleEndian);
  }

  /** u32 pid, u32 tid, then the name up to its NUL. */
  #comm(block: RecordBlock, at: number, end: number): boolean {
    if (at + 16 > end) return false;
    this.tasks.set(this.#i32(block, at + 12), this.#string(block, at + 16, end));
    return true;
  }

  /** u32 pid, ppid, tid, ptid, u64 time. */
  #fork(block: RecordBlock, at: number, end: number, misc: number): boolean {
    if (at + 24 > end) return false;
    const pid = this.#i32(block, at + 8);
    const parentPid = this.#i32(block, at + 12);
    this.tasks.fork(this.#i32(block, at + 20), this.#i32(block, at + 16));
    // A new thread shares what its process has mapped.
    if (pid === parentPid) return true;
    if (misc & MISC_FORK_EXEC) this.maps.clear(pid);
    else this.maps.fork(parentPid, pid);
    return true;
  }

  /** As FORK. The name of the task stays: late samples of an exiting task still show it. */
  #exit(block: RecordBlock, at: number, end: number): boolean {
    if (at + 24 > end) return false;
    const pid = this.#i32(block, at + 8);
    if (pid === this.#i32(block, at + 16)) this.maps.exit(pid);
    return true;
  }

  /** u32 pid, tid, u64 addr, len, pgoff, (MMAP2: device, inode or build id, protection), then the name. */
  #mmap(block: RecordBlock, at: number, end: number, misc: number, nameAt: number): boolean {
    if (nameAt > end) return false;
    const start = this.#hi(block, at + 16) * TWO_32 + this.#lo(block, at + 16);
    const length = (this.#hi(block, at + 24) >>> 0) * TWO_32 + this.#lo(block, at + 24);
    const file = decoder.decode(block.bytes.subarray(nameAt, nulBefore(block, nameAt, end)));
    if ((misc & MISC_CPUMODE_MASK) !== MISC_CPUMODE_KERNEL) {
      this.maps.map(this.#i32(block, at + 8), start, length, this.#dictionary.string(moduleName(file)));
      return true;
    }
    const reference = /^\[kernel\.kallsyms\](_s?text)$/.exec(file)?.[1];
    if (reference) {
      // The kernel map's page offset is the address of its reference symbol (perf_event__synthesize_kernel_mmap).
      this.kernelReference = { symbol: reference, hi: this.#hi(block, at + 32), lo: this.#lo(block, at + 32) };
    } else {
      const module = moduleName(file);
      if (module !== '') this.maps.map(KERNEL_MAPS, start, length, this.#dictionary.string(module));
    }
    return true;
  }

  /** u64 addr, u32 len, u16 type, u16 flags, then the name. */
  #ksymbol(block: RecordBlock, at: number, end: number): boolean {
    if (at + 24 > end) return false;
    const hi = this.#hi(block, at + 8);
    const lo = this.#lo(block, at + 8);
    const key = hi * TWO_32 + lo;
    if (block.view.getUint16(at + 22, this.#littleEndian) & KSYMBOL_UNREGISTER) {
      this.#loaded.delete(key);
    } else if (this.#loaded.size < MAX_LOADED_SYMBOLS) {
      const name = decoder.decode(block.bytes.subarray(at + 24, nulBefore(block, at + 24, end)));
      this.#loaded.set(key, { hi, lo, sizeBytes: block.view.getUint32(at + 16, this.#littleEndian), name });
    }
    return true;
  }

  #string(block: RecordBlock, from: number, end: number): number {
    return this.#dictionary.bytes(block.bytes, from, nulBefore(block, from, end));
  }
}

function nulBefore(block: RecordBlock, from: number, end: number): number {
  const nul = block.bytes.indexOf(0, from);
  return nul < 0 || nul > end ? end : nul;
}
