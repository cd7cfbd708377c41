/** The verdict matrix: findings down, changes to the kernel across. */
import { formatDuration, rowOf, type WhatIfResult } from '../../../schema/index.ts';
import { markOf, rowsOfMatrix } from '../what-if-text.ts';
import { html, type Markup } from './html.ts';

const WORDS = { cleared: 'cleared', remains: 'remains', new: 'new', '': '·' } as const;

export function whatIfSection(result: WhatIfResult): Markup {
  const acting = result.variants.filter(({ no_op }) => !no_op);
  const idle = result.variants.filter(({ no_op, undecided }) => no_op && !undecided);
  const open = result.variants.filter(({ undecided }) => undecided);
  const rows = rowsOfMatrix(result);
  return html`
${
  acting.length > 0 &&
  rows.length > 0 &&
  html`<div class="scroll" tabindex="0"><table class="matrix"><thead><tr><th scope="col">finding</th>${acting.map(({ name, title }) => html`<th scope="col"><abbr title="${title}">${name}</abbr></th>`)}</tr></thead><tbody>${rows.map(
    (finding) =>
      html`<tr><th scope="row">${finding.kind} ${rowOf(finding).subject(finding)}</th>${acting.map((variant) => {
        const mark = markOf(variant, finding);
        const changed = variant.changed.find(({ id }) => id === finding.id);
        const length = changed && ` ${changed.blocked_ns.map(formatDuration).join(' – ')}`;
        return html`<td class="${mark === '' ? 'none' : mark}">${WORDS[mark]}${length}</td>`;
      })}</tr>`,
  )}</tbody></table></div>`
}
${acting.map(
  ({ name, title, because }) =>
    because.length > 0 &&
    html`<details><summary><b>${name}</b> ${title}</summary><ul>${because.map((line) => html`<li>${line}</li>`)}</ul></details>`,
)}
${idle.length > 0 && html`<p class="more">Nothing in this recording that the change would touch: ${idle.map(({ name }) => name).join(', ')}.</p>`}
${open.length > 0 && html`<p class="more">A log has no times of single waits and cannot answer: ${open.map(({ name }) => name).join(', ')}.</p>`}`;
}
