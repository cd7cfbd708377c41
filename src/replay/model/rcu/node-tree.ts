/**
 * The rcu_node tree of one flavour as the events show it: which bits of which node are still set in the grace period in
 * flight. Its shape is what rcu_grace_period_init prints, never assumed (MODEL 2.1). Reports that do not fit the masks mean
 * that events are missing (MODEL 2.8, O3).
 */

/** Bit i of a leaf is CPU low + i; bit i of another node is its i-th child. A node has at most 64 bits. */
export interface RcuNode {
  readonly level: number;
  readonly low: number;
  readonly high: number;
  mask: bigint;
}

/** Nodes are known by level and lowest CPU. */
const LEVEL_FACTOR = 0x10000;

export class RcuNodeTree {
  /** Largest level seen: the one whose bits are CPUs. */
  leafLevel = 0;
  readonly #nodes = new Map<number, RcuNode>();

  /**
   * A node's mask at the start of a grace period.
   * @returns whether its level is the first of this depth: what was taken for leaves before were inner nodes.
   */
  init(level: number, low: number, high: number, mask: bigint): boolean {
    const deeper = level > this.leafLevel;
    if (deeper) this.leafLevel = level;
    this.#nodes.set(level * LEVEL_FACTOR + low, { level, low, high, mask });
    return deeper;
  }

  /** Whether the node's mask in this grace period is known. */
  has(level: number, low: number): boolean {
    return this.#nodes.has(level * LEVEL_FACTOR + low);
  }

  /**
   * Bits reported; `remainder` is the mask that is left, as printed.
   * @returns what contradicts the masks so far, '' when nothing does.
   */
  report(level: number, low: number, cleared: bigint, remainder: bigint): string {
    const node = this.#nodes.get(level * LEVEL_FACTOR + low);
    if (!node) return '';
    const before = node.mask;
    node.mask = remainder;
    const where = `node ${level}:${low}-${node.high}`;
    if ((cleared & before) !== cleared) return `${where}: bits 0x${cleared.toString(16)} reported twice`;
    if ((before & ~cleared) !== remainder) {
      return `${where}: 0x${(before & ~cleared).toString(16)} should be left, 0x${remainder.toString(16)} is printed`;
    }
    for (const child of this.#children(node, cleared)) {
      if (child.mask !== 0n) return `${where}: reported before its child ${child.low}-${child.high} was done`;
    }
    return '';
  }

  #children(node: RcuNode, bits: bigint): RcuNode[] {
    if (node.level === this.leafLevel || bits === 0n) return [];
    const children = [...this.#nodes.values()]
      .filter((child) => child.level === node.level + 1 && child.low >= node.low && child.high <= node.high)
      .sort((a, b) => a.low - b.low);
    return children.filter((_, i) => (bits >> BigInt(i)) & 1n);
  }

  /** CPUs whose bit is still set, as the last printed masks say. */
  pending(): number[] {
    const cpus: number[] = [];
    for (const node of this.#nodes.values()) {
      if (node.level === this.leafLevel) cpus.push(...maskCpus(node.mask, node.low));
    }
    return cpus;
  }

  /** Live state of a snapshot. */
  all(): RcuNode[] {
    return [...this.#nodes.values()];
  }

  /** Nothing is known of the next grace period's masks before its own init. */
  forget(): void {
    this.#nodes.clear();
  }
}

/** CPUs of a leaf mask. */
export function maskCpus(mask: bigint, low: number): number[] {
  const cpus: number[] = [];
  for (let cpu = low, bits = BigInt.asUintN(64, mask); bits !== 0n; cpu++, bits >>= 1n) if (bits & 1n) cpus.push(cpu);
  return cpus;
}
