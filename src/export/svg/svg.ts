/** SVG as text: elements with escaped values, and the style that pictures share. */

import { inertText } from '../../report/html/html.ts';
import { colourVariables, spanClasses } from '../../report/lanes/colours.ts';

type Value = string | number;

const written = (value: Value): string =>
  typeof value === 'number' ? String(Math.round(value * 100) / 100) : inertText(value);

/** @param content markup made here; texts go through {@link textElement} */
export function tag(name: string, attributes: Readonly<Record<string, Value>>, content = ''): string {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${written(value)}"`)
    .join('');
  return content === '' ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>`;
}

export const textElement = (attributes: Readonly<Record<string, Value>>, text: string): string =>
  tag('text', attributes, inertText(text));

const STYLE = `${colourVariables('svg.quiesce')}
svg.quiesce{background:var(--page);font-family:ui-sans-serif,system-ui,'Segoe UI','DejaVu Sans',sans-serif}
text{fill:var(--text);font-size:12px}.title{font-size:15px;font-weight:600}.faint{fill:var(--faint)}.small{font-size:11px}.ink{fill:var(--span-ink);font-size:11px}
.n{text-anchor:end}.group{fill:var(--faint);font-size:11px;font-weight:600}.band{fill:var(--band)}.line{stroke:var(--line);fill:none}
.step{fill:var(--accent)}.step-text{fill:var(--page);font-size:10px;font-weight:700;text-anchor:middle}.arrow{stroke:var(--accent);stroke-width:2;fill:none}.head{fill:var(--accent)}
.edge-error{stroke:var(--error)}.edge-warning{stroke:var(--warning)}.edge-info{stroke:var(--info)}.named{fill:var(--accent);font-weight:600}
${spanClasses('', 'fill')}`;

/** A picture that stands alone: in a mail, in docs, on a slide; by day and by night. */
export function picture(width: number, height: number, title: string, content: string): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    class: 'quiesce',
    width: Math.ceil(width),
    height: Math.ceil(height),
    viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
    role: 'img',
  };
  return `${tag('svg', attributes, `${tag('title', {}, inertText(title))}<style>${STYLE}</style>\n${content}\n`)}\n`;
}
