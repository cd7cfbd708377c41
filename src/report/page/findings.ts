/** What the buttons and links of findings do: show them on the timeline, copy their mail, lead to an event. */
import { revealEvent } from './reveal.ts';
import type { TimelineView } from './timeline/view.ts';

type ViewOf = (run: number) => TimelineView | undefined;

export function watchFindings(viewOf: ViewOf): void {
  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const act = target?.closest<HTMLElement>('[data-act]');
    const finding = target?.closest<HTMLElement>('details.finding');
    if (act?.dataset.act === 'zoom' && finding) showOnTimeline(finding, viewOf);
    else if (act?.dataset.act === 'mail' && finding) void copyMail(finding, act);
    const place = target?.closest<HTMLElement>('a.place');
    if (place && finding) {
      event.preventDefault();
      showEvent(finding, Number(place.dataset.event), viewOf);
    }
  });
  // Links to a root open what they lead to. Paper has no folds, but for lists that would fill it.
  window.addEventListener('hashchange', openTarget);
  openTarget();
  window.addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>(
      'details:not([open], .mail, .evidence, .plan)',
    )) {
      details.open = true;
      details.dataset.printed = '';
    }
  });
  window.addEventListener('afterprint', () => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>('details[data-printed]')) {
      details.open = false;
      delete details.dataset.printed;
    }
  });
}

const runOf = (finding: HTMLElement): number => Number(finding.closest<HTMLElement>('article.run')?.dataset.run);

function showOnTimeline(finding: HTMLElement, viewOf: ViewOf): void {
  const view = viewOf(runOf(finding));
  view?.showFinding(Number(finding.dataset.finding));
  view?.element.scrollIntoView({ block: 'start' });
  view?.focus();
}

/** The event among those that prove the finding; where it is not listed, its place on the timeline. */
function showEvent(finding: HTMLElement, event: number, viewOf: ViewOf): void {
  const item = finding.querySelector<HTMLElement>(`li[data-event="${event}"]`);
  if (item) revealEvent(item);
  else showOnTimeline(finding, viewOf);
}

function openTarget(): void {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id === '' ? null : document.getElementById(id);
  const finding = target?.matches('section.root')
    ? target.querySelector('details.finding')
    : target?.closest('details');
  if (finding instanceof HTMLDetailsElement) finding.open = true;
  if (finding) target?.scrollIntoView();
}

async function copyMail(finding: HTMLElement, button: HTMLElement): Promise<void> {
  const mail = finding.querySelector<HTMLElement>('details.mail');
  const text = mail?.querySelector('pre')?.textContent ?? '';
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    // Pages from files have no clipboard in some browsers: select it, so that one key copies.
    if (mail instanceof HTMLDetailsElement) mail.open = true;
    const pre = mail?.querySelector('pre');
    if (pre) getSelection()?.selectAllChildren(pre);
    button.textContent = document.execCommand('copy') ? 'Copied' : 'Selected below';
  }
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
}
