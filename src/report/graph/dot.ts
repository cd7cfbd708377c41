/** What graphs have in common: how a name becomes a string of Graphviz, and how things look before the page colours them. */
import { printable } from '../text-format.ts';

/** Names are text: no markup of Graphviz, no escapes of its own; line feeds are ours. */
export function quoted(text: string): string {
  const lines = text.split('\n').map((line) => printable(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"'));
  return `"${lines.join('\\n')}"`;
}

export const GRAPH_STYLE = `bgcolor="transparent" pad=0.1 nodesep=0.25 ranksep=0.6
node [shape=box style="rounded" fontname="Helvetica" fontsize=12 margin="0.15,0.08" height=0.3]
edge [fontname="Helvetica" fontsize=10 arrowsize=0.7]`;
