/** A graph of the report as a picture that stands alone. */

import { GRAPH_TEXT } from '../../report/graph/dot.ts';
import type { FindingGraph } from '../../report/graph/finding-graphs.ts';
import { colourVariables } from '../../report/lanes/colours.ts';

const STYLE = `${colourVariables('svg.graph')}
svg.graph{background:var(--page)}${GRAPH_TEXT}
text{fill:var(--text)}path,polygon,ellipse{stroke:var(--faint)}.graph>polygon{fill:none;stroke:none}
.edge polygon{fill:var(--faint)}.named path,.named polygon,.named ellipse{stroke:var(--accent);stroke-width:2}.way path,.way polygon{stroke:var(--error);stroke-width:2}.way polygon{fill:var(--error)}
.around text{fill:var(--faint)}`;

export const graphSvg = ({ svg }: FindingGraph): string =>
  `${svg.replace(/(<svg[^>]*>)/, `$1<style>${STYLE}</style>`)}\n`;
