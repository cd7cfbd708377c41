/** Reports of a fleet as text: a table with durations and shares as people read them. */
import {
  type FleetReportColumn,
  type FleetReportResult,
  type FleetValue,
  formatDuration,
} from '../../../schema/index.ts';
import { PLAIN, type Style } from '../text/style.ts';
import { formatCount, padTo, printable, textWidth, wrap } from '../text/text-format.ts';

const GAP = '  ';
const WIDTH = 110;

/** A cell as people read it. */
export function fleetCell(value: FleetValue, type: FleetReportColumn['type']): string {
  if (value === null) return '–';
  if (type === 'time') return printable(String(value)).slice(0, 16).replace('T', ' ');
  if (typeof value === 'string') return printable(value) || '–';
  switch (type) {
    case 'duration':
      return value === 0 ? '–' : formatDuration(value);
    case 'share':
      return `${Number((value * 100).toPrecision(3))} %`;
    case 'ratio':
      return value < 0.001 ? '<0.001' : String(Number(value.toPrecision(3)));
    default:
      return formatCount(value);
  }
}

/** `p99_ns` has its unit in every cell: the heading is `p99`. */
export const fleetHeading = ({ name, type }: FleetReportColumn): string =>
  (type === 'duration' ? name.replace(/_ns$/, '') : name).replaceAll('_', ' ');

/** Its cells begin at the left. */
export const isText = ({ type }: FleetReportColumn): boolean => type === 'text' || type === 'time';

export function fleetReportText(result: FleetReportResult, style: Style = PLAIN): string {
  const { columns, rows, notes } = result;
  const cells = rows.map((row) => row.map((value, i) => fleetCell(value, columns[i].type)));
  const headings = columns.map(fleetHeading);
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map((row) => textWidth(row[i]))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (isText(columns[i]) ? padTo(cell, widths[i]) : cell.padStart(widths[i])))
      .join(GAP)
      .trimEnd();
  const body = rows.length === 0 ? ['nothing of this kind'] : [style.dim(line(headings)), ...cells.map(line)];
  const remarks = notes.flatMap((note) => wrap(`note: ${printable(note)}`, WIDTH).map((text) => style.dim(text)));
  return `${[...body, ...remarks].join('\n')}\n`;
}
