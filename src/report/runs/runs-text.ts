/** Runs of a store as a table, and one of them in full. */
import { formatDuration, type StoredRun } from '../../../schema/index.ts';
import { fittedTable } from '../text/fitted-table.ts';
import type { Style } from '../text/style.ts';
import { formatCount } from '../text/text-format.ts';

const WIDTH = 160;

/** `kernel=6.12 job=boot`. */
function labelText(labels: StoredRun['labels']): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** `2 errors, 1 warning`. */
function findingText({ replayed, findings: { error, warning, info } }: StoredRun): string {
  if (!replayed) return 'not replayed';
  const parts = [
    [error, 'E'],
    [warning, 'W'],
    [info, 'I'],
  ] as const;
  const some = parts.filter(([count]) => count > 0).map(([count, letter]) => `${count}${letter}`);
  return some.length === 0 ? '-' : some.join(' ');
}

export function runTable(runs: readonly StoredRun[], style: Style): string {
  if (runs.length === 0) return 'no runs\n';
  return fittedTable(
    ['run', 'stored (UTC)', 'name', 'kernel', 'labels', 'events', 'span', 'kept', 'found', 'worst root cause'],
    runs.map((run) => [
      run.run_id,
      run.ingested_at.slice(0, 16).replace('T', ' '),
      run.name,
      run.release ?? '',
      labelText(run.labels),
      formatCount(run.events),
      formatDuration(run.span_ns),
      run.kept,
      findingText(run),
      run.title ?? '',
    ]),
    style.width ?? WIDTH,
  );
}

export function runDetails(run: StoredRun): string {
  const lines: readonly (readonly [string, string])[] = [
    ['run', String(run.run_id)],
    ['name', run.boot === 0 ? run.name : `${run.name} (boot ${run.boot})`],
    ['stored', `${run.ingested_at} by quiesce ${run.tool_version}`],
    ['kept', run.kept],
    ['labels', labelText(run.labels) || '-'],
    ['host', run.host ?? '-'],
    ['kernel', run.release ?? '-'],
    ['CPUs', String(run.cpus)],
    ['events', `${formatCount(run.events)}${run.lost > 0 ? ` (${formatCount(run.lost)} lost)` : ''}`],
    ['span', formatDuration(run.span_ns)],
    ['SHA-256', run.content_hash ?? '- (read from a pipe)'],
    ['found', findingText(run)],
    ['worst', run.title ?? '-'],
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(8)}  ${value}`).join('\n')}\n`;
}
