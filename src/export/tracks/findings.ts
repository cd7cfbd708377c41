/** Findings under their root causes, worst first, and the chains from blocked tasks to the root, which arrows join. */
import type { ChainLink, Evidence, Finding, RootCause } from '../../../schema/index.ts';
import { rootsOf } from '../../replay/roots/roots.ts';
import { findingLines } from '../../report/replay/finding-text.ts';
import { PLAIN } from '../../report/text/style.ts';
import { type FlowNumbers, Lanes, type SliceArgs, type Timeline, type TrackId } from '../timeline.ts';
import type { RunFacts } from './run-facts.ts';
import { waitKey } from './waits.ts';

/** More of it hides what matters. */
const MOST_EVIDENCE = 100;

export interface FindingTracks {
  /** Arrows from the waits that findings are about, by {@link waitKey}. */
  readonly waitFlows: ReadonlyMap<string, readonly number[]>;
  /** Writes the tracks. The waits have been written before: an arrow leads from what was written first. */
  write(): void;
}

export function findingTracks(facts: RunFacts, timeline: Timeline, group: TrackId, flows: FlowNumbers): FindingTracks {
  const { fromNs, toNs } = facts.selection;
  const overlapping = facts.findings.filter(({ start_ns, end_ns }) => start_ns <= toNs && end_ns >= fromNs);
  const { roots, findings } = rootsOf(overlapping);
  const entries = new Map<Finding, number>();
  const waitFlows = new Map<string, number[]>();
  for (const finding of findings) {
    if (chainOf(finding).length === 0) continue;
    const flow = flows.next();
    entries.set(finding, flow);
    if (!('tid' in finding)) continue;
    const key = waitKey(finding.tid as number, finding.start_ns);
    const others = waitFlows.get(key);
    if (others === undefined) waitFlows.set(key, [flow]);
    else others.push(flow);
  }
  return {
    waitFlows,
    write: () => {
      let next = 0;
      roots.forEach((root, i) => {
        const own = findings.slice(next, next + root.findings.length);
        next += own.length;
        new RootWriter(timeline, flows, root, own).write(group, i + 1, entries);
      });
    },
  };
}

function chainOf(finding: Finding): readonly ChainLink[] {
  return 'chain' in finding && finding.chain.length > 1 ? finding.chain : [];
}

class RootWriter {
  readonly #timeline: Timeline;
  readonly #flows: FlowNumbers;
  readonly #root: RootCause;
  readonly #findings: readonly Finding[];
  readonly #tracks = new Map<Finding, TrackId>();

  constructor(timeline: Timeline, flows: FlowNumbers, root: RootCause, findings: readonly Finding[]) {
    this.#timeline = timeline;
    this.#flows = flows;
    this.#root = root;
    this.#findings = findings;
  }

  write(group: TrackId, number: number, entries: ReadonlyMap<Finding, number>): void {
    const root = this.#root;
    const timeline = this.#timeline;
    const track = timeline.track(group, `${number}. ${root.kind}`);
    const startNs = Math.min(...this.#findings.map(({ start_ns }) => start_ns));
    const endNs = Math.max(...this.#findings.map(({ end_ns }) => end_ns));
    span(timeline, track, startNs, endNs, root.title, 'root', {
      id: root.id,
      kind: root.kind,
      severity: root.severity,
      findings: root.findings,
    });
    for (const finding of this.#findings) this.#finding(track, finding);
    for (const finding of this.#findings) this.#chain(finding, entries.get(finding));
  }

  #finding(parent: TrackId, finding: Finding): void {
    const track = this.#timeline.track(parent, `${finding.kind} ${finding.id.slice(-8)}`);
    this.#tracks.set(finding, track);
    span(this.#timeline, track, finding.start_ns, finding.end_ns, finding.title, 'finding', {
      id: finding.id,
      root: this.#root.id,
      kind: finding.kind,
      severity: finding.severity,
      confidence: finding.confidence,
      text: findingLines(finding, PLAIN, { evidence: false }).join('\n'),
      evidence: finding.evidence.slice(0, MOST_EVIDENCE).map(evidenceText),
      evidence_count: finding.evidence.length,
    });
  }

  /** Links as slices of the finding's time, each with an arrow to those it waits for; the last one to the finding that is the root. */
  #chain(finding: Finding, entry: number | undefined): void {
    const chain = chainOf(finding);
    const track = this.#tracks.get(finding);
    if (entry === undefined || track === undefined) return;
    const outgoing = chain.map(() => [] as number[]);
    const incoming = chain.map((link, i) => {
      if (link.parent === undefined) return i === 0 ? [entry] : [];
      const flow = this.#flows.next();
      outgoing[link.parent]?.push(flow);
      return [flow];
    });
    const rootEnd = this.#rootFinding(finding);
    const lastFlow = this.#flows.next();
    const last = lastOfWay(chain);
    if (rootEnd !== undefined) outgoing[last].push(lastFlow);
    const lanes = new Lanes(this.#timeline, track, 'chain');
    const totalNs = chain.reduce((sum, { blame_ns }) => sum + blame_ns, 0);
    chain.forEach((link, i) => {
      lanes.slice(finding.start_ns, finding.end_ns, link.note ? `${link.name}, ${link.note}` : link.name, {
        category: 'chain',
        flows: [...incoming[i], ...outgoing[i]],
        args: {
          finding: finding.id,
          position: i + 1,
          parent: link.parent === undefined ? undefined : link.parent + 1,
          kind: link.kind,
          tid: link.tid,
          cpu: link.cpu,
          blame_ns: link.blame_ns,
          share: totalNs > 0 ? link.blame_ns / totalNs : 0,
          rule: link.rule,
          event: link.event,
          line: link.line,
          closes: link.closes,
        },
      });
    });
    if (rootEnd === undefined) return;
    this.#timeline.instant(this.#tracks.get(rootEnd) as TrackId, finding.start_ns, `root of ${finding.id}`, {
      category: 'root-of',
      flows: [lastFlow],
      args: { finding: finding.id, root: rootEnd.id },
    });
  }

  /** The finding that tells the root of another, where it is in the file and lasts at that time. */
  #rootFinding(finding: Finding): Finding | undefined {
    const [head] = this.#findings;
    return head !== finding && head.kind === this.#root.kind ? head : undefined;
  }
}

/** Where the way from the blocked task to the root ends: each link waits for the next (W4.30). */
function lastOfWay(chain: readonly ChainLink[]): number {
  let last = 0;
  while (last + 1 < chain.length && chain[last + 1].parent === last) last++;
  return last;
}

/** A slice, or an instant for what has no length. */
function span(
  timeline: Timeline,
  track: TrackId,
  startNs: number,
  endNs: number,
  name: string,
  category: string,
  args: SliceArgs,
): void {
  if (endNs <= startNs) {
    timeline.instant(track, startNs, name, { category, args });
    return;
  }
  timeline.begin(track, startNs, name, { category, args });
  timeline.end(track, endNs);
}

function evidenceText(item: Evidence): string {
  const text = item.text === undefined ? '' : ` (${item.text})`;
  if ('line' in item) return `line ${item.line}: ${item.role}${text}`;
  const to = item.range === undefined ? '' : `–${item.range.to}`;
  return `event ${item.event}${to}: ${item.role}${text}`;
}
