/** A table that fits the width of the terminal; when it cannot, each row as a block of lines. */
import type { RowValue } from './rows-text.ts';
import { clip, printable } from './text-format.ts';

/** A column is never made narrower than this, unless all it holds is. */
const NARROWEST = 8;
const GAP = 2;

/** @param width columns of the terminal */
export function fittedTable(columns: readonly string[], rows: readonly (readonly RowValue[])[], width: number): string {
  const cells = rows.map((row) => row.map(cellText));
  const wanted = columns.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i].length)));
  const widths = fitted(wanted, width);
  if (widths === undefined) return expanded(columns, cells, width);
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every((row) => isNumber(row[i])));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => {
        const text = clip(cell, widths[i]);
        return numeric[i] ? text.padStart(widths[i]) : text.padEnd(widths[i]);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return `${[line(columns), widths.map((n) => '─'.repeat(n)).join(' '.repeat(GAP)), ...cells.map(line)].join('\n')}\n`;
}

/** Takes from the widest columns first. Undefined when even the narrowest do not fit. */
function fitted(wanted: readonly number[], width: number): number[] | undefined {
  const widths = [...wanted];
  let excess = widths.reduce((sum, n) => sum + n + GAP, -GAP) - width;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) return undefined;
    const next = Math.max(NARROWEST, ...widths.filter((n) => n < widest));
    const at = widths.flatMap((n, i) => (n === widest ? [i] : []));
    // All of the widest shrink together, to the next widest at most.
    const cut = Math.min(widest - next, Math.ceil(excess / at.length));
    for (const i of at) widths[i] -= cut;
    excess -= cut * at.length;
  }
  return widths;
}

/** One line per value, one block per row. */
function expanded(columns: readonly string[], cells: readonly (readonly string[])[], width: number): string {
  const nameWidth = Math.max(...columns.map((name) => name.length));
  const blocks = cells.map((row, i) => [
    `── ${i + 1} ${'─'.repeat(Math.max(0, Math.min(width, 60) - String(i + 1).length - 4))}`,
    ...row.map(
      (cell, k) => `${columns[k].padEnd(nameWidth)}  ${clip(cell, Math.max(NARROWEST, width - nameWidth - 2))}`,
    ),
  ]);
  return blocks.length === 0 ? `${columns.join('  ')}\n` : `${blocks.flat().join('\n')}\n`;
}

function cellText(value: RowValue): string {
  if (value === null) return '';
  return printable(value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value));
}

function isNumber(value: RowValue): boolean {
  return value === null || typeof value === 'number' || typeof value === 'bigint';
}
