/** A chain under construction: a tree of links with exclusive time, candidate roots, evidence. */
import { type ChainLink, type ChainLinkKind, ROOT_KINDS, type Root } from '../../../../schema/index.ts';
import { EvidenceList } from '../../core/evidence-list.ts';

interface LinkDraft {
  readonly kind: ChainLinkKind;
  readonly name: string;
  readonly tid: number | undefined;
  readonly cpu: number | undefined;
  readonly rule: string | undefined;
  readonly closes: boolean;
  readonly waiter: LinkDraft | undefined;
  readonly waitsFor: LinkDraft[];
  event: number;
  note: string | undefined;
  /** Exclusive. */
  ns: number;
  /** Time during which the link was on the path, its successors' included. */
  inclusiveNs: number;
}

export interface LinkDetails {
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string;
  /** Edge that leads to it (MODEL 4.1). */
  readonly rule?: string;
  /** Event that shows it; 0 when none does. */
  readonly event?: number;
  /** A task that is on the path already: a link of its own, which closes the circle (W4.41). */
  readonly closes?: boolean;
}

/** One task is one link, whatever it is met as. */
const TASK_KINDS: ReadonlySet<ChainLinkKind> = new Set(['task', 'worker', 'reader', 'kthread']);

export class ChainDraft {
  readonly #links = new Map<string, LinkDraft>();
  readonly #roots = new Map<string, { root: Root; ns: number; longestNs: number }>();
  /** The link added last at each depth: what is added deeper hangs below it. */
  readonly #path: LinkDraft[] = [];
  readonly evidence = new EvidenceList();
  /** Why the chain is not all that events show. */
  readonly inferredBy = new Set<string>();

  /**
   * Adds exclusive time to a link, making it at first.
   * @param depth distance from the blocked task: the link waits below the one that was added last at a lesser depth.
   * @param inclusiveNs time for which the link was on the path; decides which of several grace periods is shown by name.
   */
  add(kind: ChainLinkKind, name: string, ns: number, depth: number, details: LinkDetails = {}, inclusiveNs = ns): void {
    const { tid, cpu, note, rule, event = 0, closes = false } = details;
    const what = TASK_KINDS.has(kind) && tid !== undefined ? 'task' : kind;
    const named = kind === 'rcu-gp' || kind === 'srcu-gp' || kind === 'lock';
    const key = `${closes ? 'circle ' : ''}${what} ${named ? name : (tid ?? cpu ?? name)}`;
    let link = this.#links.get(key);
    if (link) {
      link.ns += ns;
      link.inclusiveNs += inclusiveNs;
      link.note ??= note;
      link.event ||= event;
    } else {
      let waiter: LinkDraft | undefined;
      for (let above = Math.min(depth, this.#path.length) - 1; above >= 0 && !waiter; above--)
        waiter = this.#path[above];
      link = { kind, name, tid, cpu, rule, closes, waiter, waitsFor: [], event, note, ns, inclusiveNs };
      this.#links.set(key, link);
      waiter?.waitsFor.push(link);
    }
    this.#path.length = Math.min(this.#path.length, depth);
    this.#path[depth] = link;
  }

  /** A candidate for the root, with the time for which it would have to answer. */
  root(root: Root, ns: number): void {
    if (ns <= 0) return;
    const key = `${root.kind} ${root.cpu ?? ''} ${root.tid ?? ''}`;
    const seen = this.#roots.get(key);
    if (!seen) {
      this.#roots.set(key, { root, ns, longestNs: ns });
      return;
    }
    seen.ns += ns;
    // Its code may differ from piece to piece.
    if (ns > seen.longestNs) Object.assign(seen, { root, longestNs: ns });
  }

  /** The way to the root, then the side branches; grace periods of one wait beyond the longest are one link. */
  links(): ChainLink[] {
    this.#collapseGracePeriods();
    const [first] = this.#links.values();
    if (!first) return [];
    const ordered: LinkDraft[] = [];
    const branches: LinkDraft[] = [];
    for (let at: LinkDraft | undefined = first; at; ) {
      ordered.push(at);
      const [heaviest, ...others]: LinkDraft[] = byWeight(at.waitsFor);
      // Where a link answers for more itself than anything that it waited for, the way ends.
      const onward: boolean = heaviest !== undefined && (weight(heaviest) >= at.ns || heaviest.closes);
      branches.push(...(onward || !heaviest ? others : [heaviest, ...others]));
      at = onward ? heaviest : undefined;
    }
    for (let branch = branches.shift(); branch; branch = branches.shift()) {
      ordered.push(branch);
      branches.unshift(...byWeight(branch.waitsFor));
    }
    const places = new Map(ordered.map((link, i) => [link, i]));
    return ordered.map((link) => {
      const { kind, name, tid, cpu, ns, note, rule, event, closes, waiter } = link;
      const parent = waiter && places.get(waiter);
      return {
        kind,
        name,
        ...(tid !== undefined && { tid }),
        ...(cpu !== undefined && { cpu }),
        blame_ns: ns,
        ...(parent !== undefined && { parent }),
        ...(rule !== undefined && { rule }),
        ...(event > 0 && { event }),
        ...(closes && { closes }),
        ...(note !== undefined && { note }),
      };
    });
  }

  /** Of the grace periods that one link waits for, the longest stays; the others are part of it. */
  #collapseGracePeriods(): void {
    const byWaiter = new Map<LinkDraft | undefined, LinkDraft[]>();
    for (const link of this.#links.values())
      if (link.kind === 'rcu-gp') byWaiter.set(link.waiter, [...(byWaiter.get(link.waiter) ?? []), link]);
    for (const periods of byWaiter.values()) {
      const [longest, ...rest] = periods.sort((a, b) => b.inclusiveNs - a.inclusiveNs);
      if (rest.length === 0) continue;
      for (const link of rest) {
        longest.ns += link.ns;
        for (const below of link.waitsFor) this.#move(below, longest);
        this.#remove(link);
      }
      const more = `and ${rest.length} shorter one${rest.length > 1 ? 's' : ''} after or before it`;
      longest.note = longest.note === undefined ? more : `${longest.note}; ${more}`;
    }
  }

  #move(link: LinkDraft, waiter: LinkDraft): void {
    (link as { waiter: LinkDraft | undefined }).waiter = waiter;
    waiter.waitsFor.push(link);
  }

  #remove(link: LinkDraft): void {
    for (const [key, other] of this.#links) if (other === link) this.#links.delete(key);
    const siblings = link.waiter?.waitsFor;
    siblings?.splice(siblings.indexOf(link), 1);
  }

  /** The root that answers for most of the time. Of several that answer for the same, none is picked (W4.42): what they share is named. */
  bestRoot(): Root {
    const mostNs = Math.max(...[...this.#roots.values()].map((candidate) => candidate.ns));
    const best = [...this.#roots.values()].filter((candidate) => candidate.ns === mostNs).map(({ root }) => root);
    const kind = ROOT_KINDS.find((name) => best.some((root) => root.kind === name));
    const same = best.filter((root) => root.kind === kind);
    if (kind === undefined) return { kind: 'unknown' };
    const shared = <T>(values: readonly T[]): T | undefined => (new Set(values).size === 1 ? values[0] : undefined);
    const cpu = shared(same.map((root) => root.cpu));
    const tid = shared(same.map((root) => root.tid));
    const task = tid === undefined ? undefined : same[0].task;
    const code = shared(same.map((root) => root.code));
    return {
      kind,
      ...(code !== undefined && { code }),
      ...(cpu !== undefined && { cpu }),
      ...(task !== undefined && { task }),
      ...(tid !== undefined && { tid }),
    };
  }
}

/** Exclusive time of a link and of all that it waits for. */
function weight(link: LinkDraft): number {
  return link.waitsFor.reduce((sum, below) => sum + weight(below), link.ns);
}

function byWeight(links: readonly LinkDraft[]): LinkDraft[] {
  return [...links].sort((a, b) => weight(b) - weight(a) || b.inclusiveNs - a.inclusiveNs);
}
