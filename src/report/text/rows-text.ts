/** Rows of a query as a table, JSON, CSV or one JSON object per line. */
import { printable } from './text-format.ts';

export type RowValue = null | bigint | number | string | Uint8Array;
export const ROW_FORMATS = ['table', 'json', 'csv', 'ndjson'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** Rows from which a table takes the widths of its columns. */
const WIDTH_SAMPLE = 400;
const MAX_WIDTH = 60;

/** Yields the text piece by piece: a result may be larger than memory. */
export function* rowsText(
  columns: readonly string[],
  rows: Iterable<readonly RowValue[]>,
  format: RowFormat,
): Generator<string> {
  switch (format) {
    case 'table':
      yield* table(columns, rows);
      return;
    case 'csv':
      yield `${columns.map(csvCell).join(',')}\n`;
      for (const row of rows) yield `${row.map(csvCell).join(',')}\n`;
      return;
    case 'ndjson':
      for (const row of rows) yield `${JSON.stringify(asObject(columns, row))}\n`;
      return;
    case 'json': {
      let separator = '[\n';
      for (const row of rows) {
        yield `${separator}${JSON.stringify(asObject(columns, row))}`;
        separator = ',\n';
      }
      yield separator === '[\n' ? '[]\n' : '\n]\n';
    }
  }
}

/** Integers beyond 2^53 become strings; blobs hexadecimal. */
function jsonValue(value: RowValue): null | number | string {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

function asObject(columns: readonly string[], row: readonly RowValue[]): Record<string, null | number | string> {
  const object: Record<string, null | number | string> = {};
  columns.forEach((name, i) => {
    object[name] = jsonValue(row[i]);
  });
  return object;
}

function plain(value: RowValue): string {
  if (value === null) return '';
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

/**
 * Texts come from captures: control characters are shown, and what a spreadsheet would take for a formula begins with an apostrophe.
 * JSON has the texts as they are.
 */
function csvCell(value: RowValue): string {
  if (typeof value !== 'string') return csvField(plain(value));
  return csvField(printable(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value));
}

/** RFC 4180. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function* table(columns: readonly string[], rows: Iterable<readonly RowValue[]>): Generator<string> {
  const iterator = rows[Symbol.iterator]();
  const sample: (readonly RowValue[])[] = [];
  let ended = false;
  while (sample.length < WIDTH_SAMPLE) {
    const next = iterator.next();
    if (next.done) {
      ended = true;
      break;
    }
    sample.push(next.value);
  }
  const cells = (row: readonly RowValue[]): string[] => row.map((value) => printable(plain(value)));
  const shown = sample.map(cells);
  const widths = columns.map((name, i) =>
    Math.min(MAX_WIDTH, Math.max(name.length, ...shown.map((row) => row[i].length))),
  );
  const right = columns.map((_, i) => sample.length > 0 && sample.every((row) => row[i] === null || isNumber(row[i])));
  const line = (row: readonly string[]): string =>
    `${row
      .map((cell, i) => {
        if (right[i]) return cell.padStart(widths[i]);
        return i === row.length - 1 ? cell : cell.padEnd(widths[i]);
      })
      .join('  ')
      .trimEnd()}\n`;
  yield line(columns.map(printable));
  yield `${widths.map((width) => '-'.repeat(width)).join('  ')}\n`;
  for (const row of shown) yield line(row);
  while (!ended) {
    const next = iterator.next();
    if (next.done) return;
    yield line(cells(next.value));
  }
}

function isNumber(value: RowValue): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}
