/** A chain under construction: links with exclusive time, candidate roots, evidence. */
import { type ChainLink, type ChainLinkKind, ROOT_KINDS, type Root } from '../../schema/index.ts';
import { EvidenceList } from './evidence-list.ts';

interface LinkDraft {
  readonly kind: ChainLinkKind;
  readonly name: string;
  readonly tid: number | undefined;
  readonly cpu: number | undefined;
  readonly depth: number;
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
}

export class ChainDraft {
  readonly #links = new Map<string, LinkDraft>();
  readonly #roots = new Map<string, { root: Root; ns: number }>();
  readonly evidence = new EvidenceList();

  /**
   * Adds exclusive time to a link, making it at first.
   * @param depth distance from the blocked task: the order of the chain.
   * @param inclusiveNs time for which the link was on the path; decides which of several grace periods is shown by name.
   */
  add(kind: ChainLinkKind, name: string, ns: number, depth: number, details: LinkDetails = {}, inclusiveNs = ns): void {
    const key = `${kind} ${kind === 'rcu-gp' || kind === 'srcu-gp' ? name : (details.tid ?? details.cpu ?? name)}`;
    const link = this.#links.get(key);
    if (link) {
      link.ns += ns;
      link.inclusiveNs += inclusiveNs;
      link.note ??= details.note;
    } else {
      this.#links.set(key, {
        kind,
        name,
        tid: details.tid,
        cpu: details.cpu,
        depth,
        note: details.note,
        ns,
        inclusiveNs,
      });
    }
  }

  /** A candidate for the root, with the time for which it would have to answer. */
  root(root: Root, ns: number): void {
    const key = `${root.kind} ${root.cpu ?? ''} ${root.tid ?? ''}`;
    const seen = this.#roots.get(key);
    if (seen) seen.ns += ns;
    else this.#roots.set(key, { root, ns });
  }

  /** Links from the blocked task to the root; grace periods of one wait beyond the longest are one link. */
  links(): ChainLink[] {
    const ordered = this.#collapseGracePeriods([...this.#links.values()]);
    ordered.sort((a, b) => a.depth - b.depth || b.inclusiveNs - a.inclusiveNs);
    return ordered.map(({ kind, name, tid, cpu, ns, note }) => ({
      kind,
      name,
      ...(tid !== undefined && { tid }),
      ...(cpu !== undefined && { cpu }),
      blame_ns: ns,
      ...(note !== undefined && { note }),
    }));
  }

  #collapseGracePeriods(links: LinkDraft[]): LinkDraft[] {
    const periods = links.filter((link) => link.kind === 'rcu-gp').sort((a, b) => b.inclusiveNs - a.inclusiveNs);
    if (periods.length <= 1) return links;
    const [longest, ...rest] = periods;
    const merged: LinkDraft = {
      ...longest,
      ns: periods.reduce((sum, link) => sum + link.ns, 0),
      note: `${longest.note ? `${longest.note}; ` : ''}and ${rest.length} shorter one${rest.length > 1 ? 's' : ''} after or before it`,
    };
    return [...links.filter((link) => link.kind !== 'rcu-gp'), merged];
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
    return {
      kind,
      ...(cpu !== undefined && { cpu }),
      ...(task !== undefined && { task }),
      ...(tid !== undefined && { tid }),
    };
  }
}
