/** The colours of pages and pictures, by day and by night. What a span is can be told from them without red or green (Okabe and Ito). */
import type { SpanKind } from '../../../schema/answers/timeline.ts';

/** By day, and where it differs by night. */
type Shade = readonly [light: string, dark?: string];

/** Of everything but spans. */
const INTERFACE = {
  page: ['#fff', '#14171b'],
  panel: ['#f6f7f9', '#1b1f25'],
  text: ['#1b1f24', '#e3e6ea'],
  faint: ['#5b6570', '#98a2ad'],
  line: ['#d9dde2', '#323840'],
  band: ['#f1f3f6', '#1c2026'],
  accent: ['#0b5cad', '#6cb2f0'],
  error: ['#b3261e', '#ff8a80'],
  warning: ['#8a5a00', '#f0b94d'],
  info: ['#44607a', '#9cb6cc'],
  'span-ink': ['#10151b'],
} as const satisfies Record<string, Shade>;

const SPANS: Readonly<Record<SpanKind, Shade>> = {
  task: ['#8fb8de', '#6f9cc6'],
  running: ['#56a3dd'],
  runnable: ['#f0c04a'],
  blocked: ['#e28a5c'],
  sleeping: ['#e3e6ea', '#2b3037'],
  nmi: ['#c2528b'],
  hardirq: ['#e69f00'],
  softirq: ['#009e73'],
  'gp-request': ['#dfe3e8', '#343a42'],
  'gp-init': ['#7fb3d9'],
  'gp-wait': ['#b9a7dd'],
  'gp-end': ['#7fb3d9'],
  holdout: ['#d9799f'],
  call: ['#f3cdb4', '#c99b7d'],
  'lock-wait': ['#e28a5c'],
  'lock-hold': ['#56a3dd'],
  'work-queued': ['#f0c04a'],
  'work-run': ['#86cfb8'],
  reader: ['#86cfb8'],
};

const SHADES: readonly (readonly [string, Shade])[] = [...Object.entries(INTERFACE), ...Object.entries(SPANS)];

/** Custom properties of a style sheet, `--blocked` and so on, for elements that a selector names. */
export function colourVariables(selector: string): string {
  const light = SHADES.map(([name, [shade]]) => `--${name}:${shade}`).join(';');
  const dark = SHADES.flatMap(([name, [, shade]]) => (shade === undefined ? [] : [`--${name}:${shade}`])).join(';');
  return `${selector}{${light}}@media (prefers-color-scheme:dark){${selector}{${dark}}}`;
}

/** Classes that are named as the kinds of spans, with a property of their colour. */
export function spanClasses(prefix: string, property: 'fill' | 'background'): string {
  return Object.keys(SPANS)
    .map((kind) => `${prefix}.${kind}{${property}:var(--${kind})}`)
    .join('');
}
