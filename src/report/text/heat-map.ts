/** A latency over time in the terminal: time to the right, length upwards, darker where there is more. */
import type { HeatMap } from '../../query/metric-heat-map.ts';
import { formatCount, plural, printable, timeFormat } from './text-format.ts';

/** By powers of four: one slow interval must be seen beside a thousand fast ones. */
const SHADES = ['·', '░', '▒', '▓', '█'];

function shade(count: number): string {
  if (count === 0) return ' ';
  return SHADES[Math.min(SHADES.length - 1, Math.floor(Math.log2(count) / 2))];
}

export function heatMapText(maps: readonly HeatMap[], by: string | undefined): string {
  if (maps.length === 0) return 'nothing recorded\n';
  return `${maps.map((map) => oneMap(map, by).join('\n')).join('\n\n')}\n`;
}

function oneMap(map: HeatMap, by: string | undefined): string[] {
  const time = timeFormat(map.timeUnit);
  const name = by === undefined ? map.metric : `${map.metric} ${by}=${printable(map.label)}`;
  const ranges = map.rows.map(({ lowNs, highNs }) => `[${time.length(lowNs)}, ${time.length(highNs)})`);
  const width = Math.max(0, 'still open'.length, ...ranges.map((range) => range.length));
  const lines = map.rows
    .map(({ counts }, i) => `  ${ranges[i].padStart(width)} |${counts.map(shade).join('')}|`)
    .reverse();
  const open = map.open.reduce((sum, count) => sum + count, 0);
  if (open > 0) lines.unshift(`  ${'still open'.padStart(width)} |${map.open.map(shade).join('')}|`);
  const from = time.stamp(map.fromNs);
  const to = time.stamp(map.fromNs + map.sliceNs * map.slices);
  const gap = Math.max(1, map.slices + 2 - from.length - to.length);
  return [
    `${name}: ${map.title}`,
    `  ${plural(map.count, 'value')}, by the time at which they began; a column is ${time.length(map.sliceNs)}`,
    ...lines,
    `  ${' '.repeat(width)} ${from}${' '.repeat(gap)}${to}`,
    `  ${' '.repeat(width)} ${SHADES.map((mark, i) => `${mark} ${formatCount(4 ** i)}+`).join('  ')}`,
  ];
}

/** Schema `quiesce.heatmap/1`. */
export function heatMapJson(maps: readonly HeatMap[], by: string | undefined): unknown {
  return {
    schema: 'quiesce.heatmap/1',
    by: by ?? null,
    maps: maps.map(({ metric, title, label, fromNs, sliceNs, slices, rows, open, count }) => ({
      metric,
      title,
      label,
      count,
      from_ns: fromNs,
      slice_ns: sliceNs,
      slices,
      open,
      rows: rows.map(({ lowNs, highNs, counts }) => ({ low_ns: lowNs, high_ns: highNs, counts })),
    })),
  };
}

export const HEAT_MAP_COLUMNS = ['metric', 'label', 'time_ns', 'low_ns', 'high_ns', 'count'] as const;

/** One row per cell that is not empty. */
export function* heatMapRows(maps: readonly HeatMap[]): Generator<(string | number)[]> {
  for (const { metric, label, fromNs, sliceNs, rows } of maps)
    for (const { lowNs, highNs, counts } of rows)
      for (const [slice, count] of counts.entries())
        if (count > 0) yield [metric, label, fromNs + slice * sliceNs, lowNs, highNs, count];
}
