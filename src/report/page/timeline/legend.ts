/** What the colours mean: of the kinds that the lanes have. */
import { OPEN_SPAN, SPAN_KINDS, type SpanKind } from '../../../../schema/answers/timeline.ts';
import { KIND_WORDS } from '../../lanes/kind-words.ts';
import type { Layout } from '../../lanes/layout.ts';
import { element } from './dom.ts';

export function legend({ lanes }: Layout): HTMLElement {
  const there = new Set<SpanKind>();
  for (const { tracks } of lanes)
    for (const { track } of tracks) {
      const codes = new Set(track.spans.kind);
      for (const code of codes) there.add(SPAN_KINDS[code & (OPEN_SPAN - 1)]);
      if (track.density) there.add(track.density.kind);
    }
  const list = element('ul', { class: 'legend', 'aria-label': 'Colours' });
  for (const kind of SPAN_KINDS)
    if (there.has(kind)) list.append(element('li', {}, element('i', { class: `swatch ${kind}` }), KIND_WORDS[kind]));
  return list;
}
