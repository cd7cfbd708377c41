/** A deadlock in the language of Graphviz: each task, what it waits for, and who has that. */
import { type Finding, formatDuration } from '../../../schema/index.ts';
import { linkName } from '../replay/chain-tree.ts';
import { GRAPH_STYLE, quoted } from './dot.ts';

type Deadlock = Extract<Finding, { kind: 'deadlock' }>;

export function waitDot(finding: Deadlock): string {
  const lines = finding.chain === undefined ? cycleLines(finding) : chainLines(finding);
  return `digraph waits {\n${GRAPH_STYLE}\nrankdir=LR\n${lines.join('\n')}\n}`;
}

/** The links of the chain; the one that closes it is its first again. */
function chainLines({ chain = [], start_ns, end_ns }: Deadlock): string[] {
  const first = chain[0]?.name;
  const id = (i: number): string => {
    const { name, closes } = chain[i];
    return closes && name === first ? 'n0' : `n${i}`;
  };
  const lines = chain.flatMap((link, i) => {
    if (id(i) !== `n${i}`) return [];
    const task = link.kind === 'task' || link.kind === 'reader' || link.kind === 'worker';
    const label = task ? link.name : linkName(link);
    return [`n${i} [label=${quoted(label)} class="${task ? 'named' : 'thing'}"${task ? '' : ' shape=ellipse'}]`];
  });
  const held = formatDuration(end_ns - start_ns);
  chain.forEach((link, i) => {
    if (i === 0) return;
    const from = link.parent ?? i - 1;
    const task = link.kind === 'task' || link.kind === 'reader';
    const label = task
      ? /^(holds|reader)/.test(link.note ?? '')
        ? 'held by'
        : (link.note ?? 'held by')
      : `waits ${held}`;
    lines.push(`${id(from)} -> ${id(i)} [label=${quoted(label)} class="way"]`);
  });
  return lines;
}

/** Only the log shows it. */
function cycleLines({ waits }: Deadlock): string[] {
  return waits.flatMap(({ task, tid, on }, i) => [
    `n${i} [label=${quoted(`${task}:${tid}`)} class="named"]`,
    `n${i} -> n${(i + 1) % waits.length} [label=${quoted(`waits for\n${on}`)} class="way"]`,
  ]);
}
