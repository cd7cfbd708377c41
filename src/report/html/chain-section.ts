/** A chain as a tree with the share of each link, and what each CPU did meanwhile. */
import { type ChainLink, type Finding, formatDuration, type StallHoldout } from '../../../schema/index.ts';
import { type ChainRow, chainTree, linkName, smallBranches } from '../replay/chain-tree.ts';
import { html, type Markup } from './html.ts';

const BAR_WIDTH = 120;

export function chainSection(chain: readonly ChainLink[]): Markup {
  const totalNs = chain.reduce((sum, link) => sum + link.blame_ns, 0);
  const steps = new Map<number, number>();
  return html`<ol class="chain" aria-label="Chain from the blocked task to the root">${rowItem(chainTree(chain), totalNs, steps)}</ol>`;
}

/** @param steps number of each link on the way to the root, as on the timeline */
function rowItem(row: ChainRow, totalNs: number, steps: Map<number, number>): Markup {
  const { small, shown } = smallBranches(row, totalNs);
  if (row.main) steps.set(row.index, steps.size + 1);
  const { link } = row;
  const note = [link.closes ? 'closes the cycle' : '', link.note ?? ''].filter((part) => part !== '').join('; ');
  return html`<li class="${row.main ? 'main' : 'side'}"><div class="link">${
    row.main && html`<b class="step">${steps.get(row.index) ?? 0}</b>`
  }<span class="name">${linkName(link)}</span>${note !== '' && html` <span class="note">${note}</span>`}${placeOf(link)}${cost(link.blame_ns, totalNs)}</div>${
    (small.length > 0 || shown.length > 0) &&
    html`<ol>${small.length > 0 && smallItem(small, totalNs)}${shown.map((below) => rowItem(below, totalNs, steps))}</ol>`
  }</li>`;
}

function smallItem(small: readonly ChainRow[], totalNs: number): Markup {
  const spentNs = small.reduce((sum, { totalNs: ns }) => sum + ns, 0);
  return html`<li class="side small"><div class="link"><span class="name">${small
    .map(({ link }) => linkName(link))
    .join(', ')}</span>${cost(spentNs, totalNs)}</div></li>`;
}

function placeOf({ event, line }: ChainLink): Markup | false {
  if (event !== undefined)
    return html` <a class="place" href="#event-${event}" data-event="${event}">event ${event}</a>`;
  return line !== undefined && html` <span class="place">line ${line}</span>`;
}

function cost(ns: number, totalNs: number): Markup | false {
  if (ns === 0 || totalNs === 0) return false;
  const share = ns / totalNs;
  const width = Math.max(1, Math.round(share * BAR_WIDTH));
  return html`<span class="cost"><span class="blame">${formatDuration(ns)}</span> <span class="share">${(share * 100).toFixed(1)} %</span><svg class="bar" aria-hidden="true" width="${BAR_WIDTH}" height="10"><rect class="rail" width="${BAR_WIDTH}" height="10" rx="2"/><rect class="fill" width="${width}" height="10" rx="2"/></svg></span>`;
}

/** Letters of {@link Finding} `timeline`, and the class that colours them. */
const CELLS: Readonly<Record<string, string>> = {
  N: 'nmi',
  h: 'hardirq',
  s: 'softirq',
  '#': 'task',
  '.': 'idle',
  '?': 'unknown',
};

/** The strips of a stalled grace period: equal cells, one letter each. */
export function stripSection(timeline: NonNullable<Extract<Finding, { kind: 'rcu-stall' }>['timeline']>): Markup {
  return html`<figure class="strips"><figcaption>${timeline.legend}</figcaption>${timeline.cpus.map(
    ({ cpu, cells }) =>
      html`<div><span class="cpu">CPU ${cpu}</span><code>${[...cells.matchAll(/(.)\1*/g)].map(
        ([run, letter]) => html`<i class="${CELLS[letter] ?? 'unknown'}">${run}</i>`,
      )}</code></div>`,
  )}</figure>`;
}

/** Where the time of each holdout went. */
export function holdoutSection(holdouts: readonly StallHoldout[]): Markup {
  return html`<table class="holdouts"><caption>What the grace period waited for</caption><thead><tr><th>holdout</th><th>why</th><th>its time</th><th>ticks</th></tr></thead><tbody>${holdouts.map(
    ({ name, code, shares, ticks, tid, note }) =>
      html`<tr><td>${name}</td><td><code>${code}</code> ${note}</td><td>${Object.entries(shares)
        .map(([kind, share]) => `${kind} ${(share * 100).toFixed(1)} %`)
        .join(', ')}</td><td class="n">${tid === undefined ? ticks : ''}</td></tr>`,
  )}</tbody></table>`;
}
