/** What graphs have in common: how a name becomes a string of Graphviz, and how things look before the page colours them. */
import { printable } from '../text/text-format.ts';

/** Names are text: no markup of Graphviz, no escapes of its own; line feeds are ours. */
export function quoted(text: string): string {
  const lines = text.split('\n').map((line) => printable(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"'));
  return `"${lines.join('\\n')}"`;
}

/** Texts are measured larger than they are shown ({@link GRAPH_TEXT}): no two machines have the same fonts. */
export const GRAPH_STYLE = `bgcolor="transparent" pad=0.1 nodesep=0.25 ranksep=0.6
node [shape=box style="rounded" fontname="Helvetica" fontsize=14 margin="0.12,0.06" height=0.3]
edge [fontname="Helvetica" fontsize=12 arrowsize=0.7]`;

/** Style of the texts of a graph. */
export const GRAPH_TEXT =
  "svg.graph text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:12px}svg.graph .edge text{font-size:10.5px}";
