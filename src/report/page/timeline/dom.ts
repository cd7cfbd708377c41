/** The elements of a timeline: what is text is HTML beside the canvas, so that it can be selected and read aloud. */
import type { TimelineFinding } from '../../block/page-data.ts';
import type { Layout } from '../../lanes/layout.ts';

export interface TimelineDom {
  readonly root: HTMLElement;
  readonly bar: HTMLElement;
  readonly chooser: HTMLSelectElement;
  readonly overview: HTMLCanvasElement;
  readonly axis: SVGSVGElement;
  readonly scroll: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly detail: HTMLElement;
}

/** Width of the names beside the lanes. */
export const GUTTER = 190;
export const NARROW_GUTTER = 96;
export const AXIS_HEIGHT = 22;

const SVG = 'http://www.w3.org/2000/svg';
const KEYS =
  'Keys: w and s zoom, a and d move, f shows the finding, n and p the next and the one before, 0 the whole run.';

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const button = (act: string, text: string, title: string): HTMLElement =>
  element('button', { type: 'button', 'data-view': act, title }, text);

export function timelineDom(section: HTMLElement, layout: Layout, findings: readonly TimelineFinding[]): TimelineDom {
  const chooser = element('select', { 'aria-label': 'Finding shown on the timeline' });
  chooser.append(element('option', { value: '' }, 'no finding chosen'));
  for (const { index, kind, title } of findings)
    chooser.append(element('option', { value: String(index) }, `${kind}: ${title}`));
  const bar = element(
    'div',
    { class: 'bar' },
    chooser,
    button('finding', 'Fit finding', 'f'),
    button('all', 'Whole run', '0'),
    button('closer', '+', 'closer: w, or ctrl and the wheel'),
    button('wider', '−', 'wider: s'),
    element(
      'span',
      { class: 'keys' },
      element('kbd', {}, 'w'),
      element('kbd', {}, 's'),
      ' zoom ',
      element('kbd', {}, 'a'),
      element('kbd', {}, 'd'),
      ' pan ',
      element('kbd', {}, 'f'),
      ' fit ',
      element('kbd', {}, 'n'),
      element('kbd', {}, 'p'),
      ' findings',
    ),
  );
  const overview = element('canvas', {
    class: 'overview',
    role: 'img',
    'aria-label': 'The whole run, with its findings',
  });
  const axis = document.createElementNS(SVG, 'svg');
  axis.setAttribute('class', 'axis');
  axis.setAttribute('aria-hidden', 'true');
  const canvas = element('canvas', {
    role: 'img',
    'aria-label': 'Lanes of the timeline; what they show of a finding is in its text',
  });
  const names = element('div', { class: 'names' });
  const lanes = element('div', { class: 'lanes' }, names, canvas);
  for (const group of layout.groups) {
    names.append(placed(element('div', { class: 'group' }, group.name), group.top));
    for (const { lane, top, height } of group.lanes) {
      const name = placed(element('div', { class: 'lane', title: lane.name, 'data-lane': lane.key }, lane.name), top);
      name.style.height = `${height}px`;
      const more = lane.tracks.slice(1).map((track) => track.name);
      if (more.length > 0) name.append(element('small', {}, more.join(', ')));
      names.append(name);
    }
  }
  names.style.height = `${layout.height}px`;
  const scroll = element('div', { class: 'lanes-scroll' }, lanes);
  const detail = element('div', { class: 'detail', role: 'status', 'aria-live': 'polite' });
  const root = element('div', { class: 'view', tabindex: '0', role: 'application', 'aria-label': `Timeline. ${KEYS}` });
  root.append(bar, overview, axis, scroll, detail);
  section.append(root);
  return { root, bar, chooser, overview, axis, scroll, canvas, detail };
}

function placed(made: HTMLElement, top: number): HTMLElement {
  made.style.top = `${top}px`;
  return made;
}

/** Sharp on every screen. */
export function sizeCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const ctx = canvas.getContext('2d') as CanvasRenderingContext2D;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}
