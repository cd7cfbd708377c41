/** Graphviz draws. */
import { printable } from '../text/text-format.ts';

/** Graphviz, loaded. */
export type Graphviz = Awaited<ReturnType<typeof import('@viz-js/viz').instance>>;

export async function loadGraphviz(): Promise<Graphviz> {
  const { instance } = await import('@viz-js/viz');
  return instance();
}

/**
 * One `svg` element that takes its colours from the page.
 * @param title its name for screen readers
 * @throws Error with Graphviz' own words when the graph is wrong
 */
export function svgOfDot(graphviz: Graphviz, dot: string, title: string): string {
  const result = graphviz.render(dot, { format: 'svg', engine: 'dot' });
  if (result.status !== 'success')
    throw new Error(`the graph cannot be drawn: ${result.errors.map(({ message }) => message).join('; ')}`);
  const from = result.output.indexOf('<svg');
  const svg = result.output
    .slice(from)
    // Comments and titles repeat the names; what a tooltip says becomes the title.
    .replace(/<!--[\s\S]*?-->\s*/g, '')
    .replace(/(<g id="(?:node|edge)\d+" class="[^"]*">\s*)<title>[^<]*<\/title>\s*/g, '$1')
    .replace(/<a xlink:title="([^"]*)">/g, '<g><title>$1</title>')
    .replaceAll('</a>', '</g>')
    .replace(/ xmlns:xlink="[^"]*"/, '')
    .replace(/<svg width="(\d+)pt" height="(\d+)pt"/, '<svg class="graph" role="img" width="$1" height="$2"')
    .replace(/<title>(?:locks|waits)<\/title>/, `<title>${escaped(printable(title))}</title>`)
    .trim();
  return svg;
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
