/** What is told of a span or an event: beside the pointer, and below the lanes when it is clicked. */
import type { TimelineFinding, TimelineMark } from '../../block/page-data.ts';
import { KIND_WORDS } from '../../lanes/kind-words.ts';
import type { PageTime } from '../format.ts';
import { revealEvent } from '../reveal.ts';
import { element } from './dom.ts';
import type { SpanHit } from './hit.ts';

const OFFSET = 14;

function wordsOf(hit: SpanHit, time: PageTime): string[] {
  const { kind, label, startNs, endNs, open, share, lane } = hit;
  if (share !== undefined)
    return [
      `${lane.lane.name}: ${KIND_WORDS[kind]}, ${(share * 100).toFixed(0)} % of ${time.length(endNs - startNs)}`,
      `mostly ${label}`,
      `around ${time.at(startNs)}`,
    ];
  const length = `${time.length(endNs - startNs)}${open ? ', not over at the end of the capture' : ''}`;
  return [
    label === '' ? KIND_WORDS[kind] : label,
    `${lane.lane.name}: ${KIND_WORDS[kind]}`,
    `${time.at(startNs)}, ${length}`,
  ];
}

/** Beside the pointer. */
export class Tip {
  readonly #box = document.getElementById('tip');

  hide(): void {
    if (this.#box) this.#box.hidden = true;
  }

  showSpan(hit: SpanHit | undefined, time: PageTime, at: MouseEvent): void {
    if (hit === undefined) this.hide();
    else this.#show(wordsOf(hit, time), at);
  }

  showMark({ event, role, atNs }: TimelineMark, time: PageTime, at: MouseEvent): void {
    this.#show([role, `event ${event}`, time.at(atNs)], at);
  }

  #show([first, ...rest]: readonly string[], { clientX, clientY }: MouseEvent): void {
    const box = this.#box;
    if (box === null) return;
    box.replaceChildren(element('b', {}, first), ...rest.map((line) => element('div', {}, line)));
    box.hidden = false;
    const left = Math.min(clientX + OFFSET, innerWidth - box.offsetWidth - OFFSET);
    const below = clientY + OFFSET + box.offsetHeight < innerHeight;
    box.style.left = `${Math.max(0, left)}px`;
    box.style.top = `${below ? clientY + OFFSET : clientY - OFFSET - box.offsetHeight}px`;
  }
}

/** Below the lanes, to be read and copied. */
export function showSpan(
  detail: HTMLElement,
  hit: SpanHit,
  time: PageTime,
  show: (fromNs: number, toNs: number) => void,
): void {
  const [first, ...rest] = wordsOf(hit, time);
  const zoom = element('button', { type: 'button' }, 'Zoom to it');
  const margin = Math.max(1000, (hit.endNs - hit.startNs) * 0.1);
  zoom.addEventListener('click', () => show(hit.startNs - margin, hit.endNs + margin));
  detail.replaceChildren(element('b', {}, first), ` ${rest.join(' · ')} `, zoom);
}

/** The event itself, where it is among those of the finding. */
export function showMark(
  detail: HTMLElement,
  { event, role, atNs }: TimelineMark,
  time: PageTime,
  section: HTMLElement,
  finding: TimelineFinding,
): void {
  const open = element('button', { type: 'button' }, 'Show the event');
  open.addEventListener('click', () => {
    const item = section
      .closest('article.run')
      ?.querySelector<HTMLElement>(`details[data-finding="${finding.index}"] li[data-event="${event}"]`);
    if (item) revealEvent(item);
  });
  detail.replaceChildren(element('b', {}, role), ` event ${event} · ${time.at(atNs)} `, open);
}
