/**
 * What is mapped where, from MMAP and MMAP2 records: per process for user addresses, once for the kernel and its modules.
 * quiesce does not open the mapped files, so a user address is known by the name of its object only.
 */

/** One process' mappings, sorted by address, without overlap. */
interface ProcessMaps {
  /** Identity of this state; the same for parent and child until one of them maps something. */
  version: number;
  /** Belongs to several processes: copied before it changes. */
  shared: boolean;
  readonly starts: number[];
  readonly ends: number[];
  readonly modules: number[];
}

/** Mappings of one process that are kept; beyond this the oldest knowledge stays. */
const MAX_MAPS_PER_PROCESS = 1 << 16;
/** Processes whose mappings are kept at the same time. */
const MAX_PROCESSES = 1 << 16;

/** Ended processes that are remembered. */
const MAX_EXITED = 1024;

const NOTHING_MAPPED: ProcessMaps = { version: 0, shared: true, starts: [], ends: [], modules: [] };

export class AddressMaps {
  readonly #processes = new Map<number, ProcessMaps>();
  #exited: { readonly pid: number; readonly maps: ProcessMaps }[] = [];
  #lastVersion = 0;

  /** Number that names the present mappings of a process; 0 when nothing is mapped. */
  version(pid: number): number {
    return (this.#processes.get(pid) ?? NOTHING_MAPPED).version;
  }

  /** Maps [start, start + length); what was there before gives way. @param module string id */
  map(pid: number, start: number, length: number, module: number): void {
    const old = this.#processes.get(pid) ?? NOTHING_MAPPED;
    if (old.starts.length >= MAX_MAPS_PER_PROCESS) return;
    if (old === NOTHING_MAPPED && this.#processes.size >= MAX_PROCESSES) return;
    const maps = old.shared ? copyOf(old) : old;
    maps.version = ++this.#lastVersion;
    this.#processes.set(pid, maps);
    const { starts, ends, modules } = maps;
    const end = start + length;
    const first = firstEndingAfter(maps, start);
    let after = first;
    while (after < starts.length && starts[after] < end) after++;
    // Up to three pieces take the place of what overlaps: what is left before, the new one, what is left behind.
    const before = first < after && starts[first] < start ? [[starts[first], start, modules[first]]] : [];
    const behind = first < after && ends[after - 1] > end ? [[end, ends[after - 1], modules[after - 1]]] : [];
    const pieces = [...before, [start, end, module], ...behind];
    starts.splice(first, after - first, ...pieces.map((piece) => piece[0]));
    ends.splice(first, after - first, ...pieces.map((piece) => piece[1]));
    modules.splice(first, after - first, ...pieces.map((piece) => piece[2]));
  }

  /** A forked process has its parent's mappings. */
  fork(parentPid: number, childPid: number): void {
    const maps = this.#processes.get(parentPid);
    if (!maps) this.#processes.delete(childPid);
    else if (this.#processes.size < MAX_PROCESSES || this.#processes.has(childPid)) {
      maps.shared = true;
      this.#processes.set(childPid, maps);
    }
  }

  /** An exec: nothing is mapped. */
  clear(pid: number): void {
    this.#processes.delete(pid);
  }

  /** The process ends; its last samples may come later, so it is forgotten only when {@link MAX_EXITED} more have ended. */
  exit(pid: number): void {
    const maps = this.#processes.get(pid);
    if (!maps) return;
    this.#exited.push({ pid, maps });
    if (this.#exited.length < 2 * MAX_EXITED) return;
    for (const old of this.#exited.splice(0, MAX_EXITED)) {
      if (this.#processes.get(old.pid) === old.maps) this.#processes.delete(old.pid);
    }
  }

  /** String id of what is mapped at an address, −1 when nothing is. */
  moduleAt(pid: number, address: number): number {
    const maps = this.#processes.get(pid) ?? NOTHING_MAPPED;
    const i = firstEndingAfter(maps, address);
    return i < maps.starts.length && maps.starts[i] <= address ? maps.modules[i] : -1;
  }
}

function copyOf(maps: ProcessMaps): ProcessMaps {
  return {
    version: maps.version,
    shared: false,
    starts: [...maps.starts],
    ends: [...maps.ends],
    modules: [...maps.modules],
  };
}

function firstEndingAfter(maps: ProcessMaps, address: number): number {
  let low = 0;
  let high = maps.ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (maps.ends[middle] <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}
