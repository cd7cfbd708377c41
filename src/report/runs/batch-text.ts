/** A batch as it goes on: a line per item, and what it came to. */
import { type BatchResult, type BatchRun, formatDuration } from '../../../schema/index.ts';
import type { Style } from '../text/style.ts';
import { formatCount, plural, textWidth } from '../text/text-format.ts';

/** Longer names move what follows. */
const NAME_WIDTH = 24;
/** Of a line, where the output is no terminal. */
const WIDTH = 120;

/** @param done items that have ended, this one included */
export function batchLine(run: BatchRun, done: number, total: number, style: Style): string {
  const count = `${String(done).padStart(String(total).length)}/${total}`;
  const ids = run.runs.length > 1 ? `runs ${run.runs[0]}–${run.runs[run.runs.length - 1]}` : `run ${run.runs[0]}`;
  const head = `${count}  ${(run.outcome === 'failed' ? 'failed' : ids).padEnd(8)}  ${run.name.padEnd(NAME_WIDTH)}  `;
  if (run.outcome === 'failed') return `${head}${run.error}`;
  if (run.outcome === 'present') return `${head}there already`;
  const { events = 0, lost = 0, span_ns = 0, title = 'nothing found' } = run;
  const size = `${formatCount(events).padStart(10)} events  ${formatDuration(span_ns).padStart(7)}  `;
  const losses = lost > 0 ? `(${formatCount(lost)} lost) ` : '';
  const severity = worst(run);
  const label = severity === undefined ? '' : `${severity}: `;
  const room = Math.max(20, (style.width ?? WIDTH) - textWidth(head + size + losses + label));
  return `${head}${size}${losses}${severity === undefined ? '' : `${style.severity(severity, severity)}: `}${cut(title, room)}`;
}

function worst({ findings }: BatchRun): 'error' | 'warning' | 'info' | undefined {
  return (['error', 'warning', 'info'] as const).find((severity) => (findings?.[severity] ?? 0) > 0);
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

export function batchSummary({ db, stored, present, failed, items }: BatchResult): string {
  const parts = [`${formatCount(stored)} stored in ${db}`];
  if (present > 0) parts.push(`${formatCount(present)} there already`);
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  const withErrors = items.filter(({ findings }) => (findings?.error ?? 0) > 0).length;
  const lines = [`${plural(items.length, 'capture')}: ${parts.join(', ')}`];
  if (stored > 0)
    lines.push(`${plural(withErrors, 'run')} of those stored ${withErrors === 1 ? 'has' : 'have'} errors`);
  return `${lines.join('; ')}\n`;
}
