/** Findings that share a root cause, as sets. */
import { type Finding, rowOf } from '../../../schema/index.ts';
import { brokenEdges, keysOf } from './keys.ts';

/** Clocks of a log and of a recording differ by a little, and the kernel reports late. */
const SLACK_NS = 5e9;

/** Sets of findings, each with one root cause; in no particular order. */
export function groupsOf(findings: readonly Finding[]): Finding[][] {
  const sets = new DisjointSets(findings.length);
  const anyCpu = new Set(
    findings.flatMap((finding) => ('count' in finding && finding.cpu === null ? [finding.kind] : [])),
  );
  const edges = new Set(findings.flatMap(brokenEdges));
  const byKey = new Map<string, number[]>();
  findings.forEach((finding, index) => {
    for (const key of new Set(keysOf(finding, anyCpu, edges))) {
      const members = byKey.get(key);
      if (members) members.push(index);
      else byKey.set(key, [index]);
    }
  });
  for (const members of byKey.values()) joinOverlapping(members, findings, sets);
  joinPredicted(findings, sets);
  return sets.groups().map((indexes) => indexes.map((index) => findings[index]));
}

/** Rules of locking hold for the whole run; what lasts is one thing while it overlaps. */
function joinOverlapping(members: readonly number[], findings: readonly Finding[], sets: DisjointSets): void {
  const sorted = [...members].sort((a, b) => findings[a].start_ns - findings[b].start_ns);
  let endNs = Number.NEGATIVE_INFINITY;
  let last: number | undefined;
  for (const index of sorted) {
    const finding = findings[index];
    const always = rowOf(finding).lasts === 'rule' || finding.kind === 'sleep-in-atomic';
    if (last !== undefined && (always || finding.start_ns <= endNs + SLACK_NS)) sets.join(last, index);
    else endNs = Number.NEGATIVE_INFINITY;
    endNs = Math.max(endNs, finding.end_ns);
    last = index;
  }
}

/** An inversion or recursion whose classes are all in a cycle of waits that closed is what lockdep said of it. */
function joinPredicted(findings: readonly Finding[], sets: DisjointSets): void {
  findings.forEach((deadlock, i) => {
    if (deadlock.kind !== 'deadlock') return;
    const words = [...deadlock.waits.map(({ on }) => on), ...(deadlock.chain ?? []).map(({ name }) => name)].join(' ');
    findings.forEach((finding, j) => {
      const isOrder = finding.kind === 'lock-inversion' || finding.kind === 'lock-recursion';
      if (isOrder && finding.locks.every((lock) => words.includes(lock))) sets.join(i, j);
    });
  });
}

class DisjointSets {
  readonly #parent: number[];

  constructor(size: number) {
    this.#parent = Array.from({ length: size }, (_, i) => i);
  }

  #find(index: number): number {
    let root = index;
    while (this.#parent[root] !== root) root = this.#parent[root];
    this.#parent[index] = root;
    return root;
  }

  join(a: number, b: number): void {
    this.#parent[this.#find(a)] = this.#find(b);
  }

  groups(): number[][] {
    const groups = new Map<number, number[]>();
    this.#parent.forEach((_, index) => {
      const root = this.#find(index);
      const members = groups.get(root);
      if (members) members.push(index);
      else groups.set(root, [index]);
    });
    return [...groups.values()];
  }
}
