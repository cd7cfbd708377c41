/** A comparison of runs as text: one line per metric, then what became of the findings. */
import {
  type CompareResult,
  type FindingComparison,
  formatDuration,
  type MetricComparison,
  type SideSummary,
} from '../../../schema/index.ts';
import { PLAIN, type Style, widthOf } from '../text/style.ts';
import { formatCount, lostCount, plural, printable, wrap } from '../text/text-format.ts';

/** Metrics that the last line names; the table has all. */
const CHANGES_NAMED = 8;

export interface CompareTextOptions {
  readonly style?: Style;
  /** Show metrics that did not change too. Default: true. */
  readonly all?: boolean;
}

export function compareText(result: CompareResult, { style = PLAIN, all = true }: CompareTextOptions = {}): string {
  const lines = [...sideLines('base', result.base.runs), ...sideLines('head', result.head.runs), ''];
  const shown = result.metrics.filter(({ verdict }) => all || verdict === 'regressed' || verdict === 'improved');
  if (result.metrics.length === 0) lines.push('no latencies on either side');
  else if (shown.length > 0) lines.push(...metricTable(shown, style));
  const tooFew = result.metrics.filter(({ verdict }) => verdict === 'too-few').length;
  if (tooFew > 0 && all)
    lines.push(style.dim(`too-few: ${plural(tooFew, 'metric')} without enough samples for a verdict`));
  if (all && shown.some(notShown))
    lines.push(style.dim('not shown: no change is shown, and one as large as the 95 % interval says may be there'));
  lines.push('', ...findingSection(result, style));
  for (const note of result.notes)
    lines.push(
      ...wrap(`note: ${printable(note)}`, widthOf(style)).map((line, i) => style.dim(i === 0 ? line : `  ${line}`)),
    );
  lines.push('', style.bold(summary(result)));
  return `${lines.join('\n')}\n`;
}

/** Neither a change nor sameness. */
function notShown({ verdict, equivalent }: MetricComparison): boolean {
  return verdict === 'same' && !equivalent;
}

function sideLines(side: string, runs: CompareResult['base']['runs']): string[] {
  return runs.map(({ source, release, cpus, events, span_ns, lost, lost_at_least = false }, i) => {
    const facts = [
      release ?? 'kernel unknown',
      plural(cpus, 'CPU'),
      plural(events, 'event'),
      formatDuration(span_ns),
      ...(lost > 0 ? [`${lostCount(lost, lost_at_least)} lost`] : []),
    ];
    return `${i === 0 ? side : '    '}  ${printable(source)}: ${printable(facts.join(', '))}`;
  });
}

const HEADINGS = ['metric', 'n', 'p50', 'p99', 'max', 'n', 'p50', 'p99', 'max', 'change', '95 %', 'p', 'verdict'];

function metricTable(metrics: readonly MetricComparison[], style: Style): string[] {
  const rows = metrics.map((metric) => [
    printable(metric.label === undefined ? metric.metric : `${metric.metric} ${metric.label}`),
    ...sideCells(metric.base),
    ...sideCells(metric.head),
    metric.ratio === null ? '' : `${metric.statistic} ×${formatRatio(metric.ratio)}`,
    metric.ci95 === null ? '' : metric.ci95.map(formatBound).join('–'),
    metric.p_value === null ? '' : formatP(metric.p_value),
    notShown(metric) ? 'not shown' : metric.verdict,
  ]);
  const widths = HEADINGS.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i].length)));
  const side = (from: number) => widths.slice(from, from + 4).reduce((sum, width) => sum + width + 2, -2);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 || i >= 12 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  const above = `${''.padEnd(widths[0])}  ${centred('base', side(1))}  ${centred('head', side(5))}`;
  return [
    style.dim(above.trimEnd()),
    style.dim(line(HEADINGS)),
    ...metrics.flatMap(({ verdict, note }, i) => {
      const text = line(rows[i]);
      const marked =
        verdict === 'regressed'
          ? style.severity('error', text)
          : verdict === 'improved'
            ? style.severity('info', text)
            : text;
      const remark = note !== '' && verdict !== 'too-few' ? [style.dim(`  ${note}`)] : [];
      return [marked, ...remark];
    }),
  ];
}

function sideCells({ n, open, p50, p99, max }: SideSummary): string[] {
  const time = (ns: number | null) => (ns === null ? '–' : formatDuration(ns));
  return [`${formatCount(n)}${open > 0 ? `+${formatCount(open)}` : ''}`, time(p50), time(p99), time(max)];
}

function centred(text: string, width: number): string {
  const left = Math.max(0, Math.floor((width - text.length - 2) / 2));
  return `${'─'.repeat(left)} ${text} ${'─'.repeat(Math.max(0, width - left - text.length - 2))}`;
}

/** `1.04`, `12.3`, `410`. */
export function formatRatio(ratio: number): string {
  if (ratio >= 99.5) return formatCount(Math.round(ratio));
  return ratio >= 9.95 ? ratio.toFixed(1) : ratio.toFixed(2);
}

/** A bound that is not 1 does not look like it. */
function formatBound(bound: number): string {
  const short = formatRatio(bound);
  return short === '1.00' && bound !== 1 ? bound.toFixed(3) : short;
}

function formatP(p: number): string {
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

const SECTIONS = [
  ['appeared', 'appeared'],
  ['worse', 'got worse'],
  ['gone', 'gone'],
  ['remains', 'remain'],
] as const;

function findingSection(result: CompareResult, style: Style): string[] {
  const lines: string[] = [];
  for (const [key, title] of SECTIONS) {
    const findings = result.findings[key];
    if (findings.length === 0) continue;
    lines.push(style.bold(`findings that ${title}: ${findings.length}`));
    for (const finding of findings) lines.push(...findingLines(finding, result, style, key !== 'remains'));
    lines.push('');
  }
  return lines.length > 0 ? lines : ['no findings on either side', ''];
}

function findingLines(finding: FindingComparison, result: CompareResult, style: Style, detailed: boolean): string[] {
  const { severity, kind, id, base_runs, head_runs, base_ns, head_ns } = finding;
  const runs: string[] = [];
  if (result.base.runs.length > 1) runs.push(`${base_runs} of ${result.base.runs.length} base runs`);
  if (result.head.runs.length > 1) runs.push(`${head_runs} of ${result.head.runs.length} head runs`);
  if (base_ns && head_ns) runs.push(`${formatDuration(base_ns)} → ${formatDuration(head_ns)}`);
  const facts = runs.length > 0 ? ` – ${runs.join(', ')}` : '';
  const head = `  ${style.severity(severity, `${severity}: ${kind}`)} ${style.dim(`(${id})`)}${facts}`;
  return detailed ? [head, ...wrap(printable(finding.title), widthOf(style) - 4).map((line) => `    ${line}`)] : [head];
}

function firstOf(changes: readonly string[]): string {
  const more = changes.length - CHANGES_NAMED;
  return `${changes.slice(0, CHANGES_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The answer in one line. */
function summary({ metrics, findings, verdict }: CompareResult): string {
  const changes = (wanted: string) =>
    metrics
      .filter((metric) => metric.verdict === wanted)
      .map(
        (metric) =>
          `${printable(metric.label ?? metric.metric)} ${metric.statistic} ×${formatRatio(metric.ratio ?? 1)}`,
      );
  const parts: string[] = [];
  const slower = changes('regressed');
  const faster = changes('improved');
  if (slower.length > 0) parts.push(`slower: ${firstOf(slower)}`);
  if (faster.length > 0) parts.push(`faster: ${firstOf(faster)}`);
  for (const [key, title] of SECTIONS.slice(0, 3))
    if (findings[key].length > 0) parts.push(`${plural(findings[key].length, 'finding')} ${title}`);
  if (parts.length === 0)
    parts.push(
      verdict === 'too-few'
        ? 'too few samples to say anything'
        : metrics.some(notShown)
          ? 'no change shown'
          : 'no change',
    );
  return `${verdict}: ${parts.join('; ')}`;
}
