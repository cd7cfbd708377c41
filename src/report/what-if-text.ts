/** The verdict matrix: findings down, variants across, and under it why each change changes what it does. */
import { type Finding, formatDuration, rowOf, type WhatIfResult, type WhatIfVariant } from '../../schema/index.ts';
import { suppressedLines } from './replay/replay-text.ts';
import { type Style, widthOf } from './text/style.ts';
import { clip, printable, wrap } from './text/text-format.ts';

/** Most columns of the label of a row; fewer where the terminal has fewer. */
const LABEL_WIDTH = 58;
/** Variants per block of the matrix. */
const COLUMNS = 12;

type Mark = 'cleared' | 'remains' | 'new' | '';

const MARKS: Readonly<Record<Mark, string>> = { cleared: '-', remains: '=', new: '+', '': '·' };

export function whatIfText(result: WhatIfResult, style: Style): string {
  const acting = result.variants.filter((variant) => !variant.no_op);
  const open = result.variants.filter((variant) => variant.undecided);
  const idle = result.variants.filter((variant) => variant.no_op && !variant.undecided);
  const rows = rowsOfMatrix(result);
  const lines: string[] = [];
  if (rows.length === 0) lines.push('No findings, and no variant brings one.');
  for (let from = 0; from < acting.length && rows.length > 0; from += COLUMNS) {
    lines.push(...matrix(rows, acting.slice(from, from + COLUMNS), style), '');
  }
  if (rows.length > 0 && acting.length > 0)
    lines.push(style.dim('- cleared   = remains   + appears   · not there'), '');
  for (const variant of acting) lines.push(...variantLines(variant, rows, style), '');
  if (idle.length > 0) {
    const text = `no-op, nothing in this recording that the change would touch: ${idle.map((variant) => variant.name).join(', ')}`;
    lines.push(...wrap(text, widthOf(style)));
  }
  if (open.length > 0) {
    const text = `a log cannot answer, it has no times of single waits (record a trace: quiesce plan): ${open.map((variant) => variant.name).join(', ')}`;
    lines.push(...wrap(text, widthOf(style)));
  }
  const suppressed = suppressedLines(result.suppressed ?? [], style);
  if (suppressed.length > 0) lines.push('', ...suppressed);
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Findings of the recording, and those that a change brings. */
export function rowsOfMatrix({ baseline, variants }: WhatIfResult): Finding[] {
  const added = variants
    .filter(({ no_op }) => !no_op)
    .flatMap((variant) => variant.new.map((finding) => [finding.id, finding] as const));
  return [...baseline, ...new Map(added).values()];
}

function matrix(rows: readonly Finding[], variants: readonly WhatIfVariant[], style: Style): string[] {
  const heads = variants.map((_, i) => String.fromCharCode(65 + i));
  const labelWidth = Math.max(20, Math.min(LABEL_WIDTH, widthOf(style) - 2 - heads.length * 3));
  const lines = variants.flatMap(({ name, title }, i) => {
    const room = widthOf(style) - 5 - name.length;
    // The title of a combination is long: it gets lines of its own.
    if (title.length <= room) return [`${heads[i]}  ${style.bold(name)}  ${style.dim(title)}`];
    return [
      `${heads[i]}  ${style.bold(name)}`,
      ...wrap(title, widthOf(style) - 3).map((line) => `   ${style.dim(line)}`),
    ];
  });
  lines.push('', `${' '.repeat(labelWidth + 2)}${heads.join('  ')}`);
  for (const finding of rows) {
    const label = clip(printable(`${finding.kind} ${rowOf(finding).subject(finding)}`), labelWidth).padEnd(labelWidth);
    lines.push(`${label}  ${variants.map((variant) => MARKS[markOf(variant, finding)]).join('  ')}`);
  }
  return lines;
}

/** What became of a finding under a variant. */
export function markOf(variant: WhatIfVariant, finding: Finding): Mark {
  if (variant.cleared.includes(finding.id)) return 'cleared';
  if (variant.remains.includes(finding.id)) return 'remains';
  return variant.new.some((other) => other.id === finding.id) ? 'new' : '';
}

function variantLines(variant: WhatIfVariant, rows: readonly Finding[], style: Style): string[] {
  // Rows, not ids: tasks of one kind (workers, numbered comms) share the id of their finding.
  const count = (mark: Mark): number => rows.filter((finding) => markOf(variant, finding) === mark).length;
  const lines = [
    `${style.bold(variant.name)}: clears ${count('cleared')}, leaves ${count('remains')}, brings ${count('new')}`,
  ];
  const because = [...new Set(variant.because)];
  for (const reason of because.slice(0, 8))
    lines.push(...wrap(printable(reason), widthOf(style) - 4).map((line, i) => `  ${i === 0 ? '- ' : '  '}${line}`));
  if (because.length > 8) lines.push(`  and ${because.length - 8} more`);
  for (const change of variant.changed) {
    const finding = rows.find((row) => row.id === change.id);
    if (!finding) continue;
    const [min, max] = change.blocked_ns.map(formatDuration);
    const text = `${finding.kind} ${rowOf(finding).subject(finding)}: would take ${min === max ? `up to ${max}` : `${min} to ${max}`}`;
    lines.push(...wrap(printable(text), widthOf(style) - 4).map((line, i) => `  ${i === 0 ? '~ ' : '  '}${line}`));
  }
  return lines;
}
