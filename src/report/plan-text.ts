/** A recording plan as text: commands first, then what is missing and what it costs. */
import { type PlannedRecording, RECORDING_TIERS, type Recorder, type RecordingPlan } from '../../schema/index.ts';
import { PLAIN, type Style, widthOf } from './text/style.ts';
import { formatCount, wrap } from './text/text-format.ts';

const TIERS: Readonly<Record<PlannedRecording['tier'], string>> = {
  light: 'light: well under 1 % of a CPU',
  moderate: 'moderate: a few per cent of a busy CPU',
  heavy: 'heavy: slows locks down several times; timing changes, orders and contexts do not',
};

export function planText(plan: RecordingPlan, recorder: Recorder, style: Style = PLAIN): string {
  const lines: string[] = [];
  lines.push(
    plan.tracefs === null
      ? '# for any kernel: run this on the target, or with --tracefs, to see what it can record'
      : `# for the kernel at ${plan.tracefs}`,
    '# run as root; the lines can be pasted into a shell',
  );
  for (const recording of plan.recordings) lines.push('', ...recordingLines(recording, recorder, plan, style));
  if (plan.from_log.length > 0) {
    lines.push(
      '',
      ...comment(style, 'no recording of this kernel decides these; the kernel log may (dmesg > dmesg.txt):'),
    );
    for (const { kind, needs, reports } of plan.from_log) {
      const log =
        reports.length > 0 ? `reported by the kernel as ${reports.join(', ')}` : 'never reported by the kernel';
      lines.push(
        ...comment(
          style,
          `  ${kind}: ${log}${needs.length > 0 ? `; events would need ${needs.join(' or ')}` : ''}`,
          '    ',
        ),
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function recordingLines(recording: PlannedRecording, recorder: Recorder, plan: RecordingPlan, style: Style): string[] {
  const { name, kinds, metrics, tier, events_per_second, buffer_kb, buffer_kb_tracefs } = recording;
  const buffer = recorder === 'tracefs' ? buffer_kb_tracefs : buffer_kb;
  const { prepare, record, restore } = recording.commands[recorder];
  const lines = [
    style.bold(`# ── ${name} ${'─'.repeat(Math.max(0, 80 - name.length))}`),
    ...comment(style, `shows: ${[...kinds, ...metrics].join(', ')}`),
    ...comment(
      style,
      `cost: ${TIERS[tier]} (about ${formatCount(events_per_second)} events per second per busy CPU; ${formatCount(Math.round(buffer / 1024))} MiB of buffer per CPU)`,
    ),
  ];
  if (RECORDING_TIERS.indexOf(tier) > RECORDING_TIERS.indexOf(plan.tier_limit))
    lines.push(...comment(style, `it cannot be ${plan.tier_limit}: these verdicts need the events that cost most`));
  if (prepare.length > 0) lines.push('', '# prepare', ...prepare);
  lines.push('', `# record ${plan.duration_s} s`, ...record.flatMap((command) => folded(style, command)));
  if (restore.length > 0) lines.push('', '# restore', ...restore);
  if (recording.missing.length > 0)
    lines.push('', ...comment(style, 'not recorded:'), ...missingLines(style, recording.missing));
  return lines;
}

/** Events with the same consequence share a line. */
function missingLines(style: Style, events: PlannedRecording['missing']): string[] {
  const byConsequence = new Map<string, string[]>();
  for (const { name, consequence } of events)
    byConsequence.set(consequence, [...(byConsequence.get(consequence) ?? []), name]);
  return [...byConsequence].flatMap(([consequence, names]) =>
    comment(style, `  ${names.join(', ')} – ${consequence}`, '    '),
  );
}

function comment(style: Style, text: string, indent = '  '): string[] {
  return wrap(text, widthOf(style) - 6).map((line, i) => `# ${i === 0 ? line : indent + line}`);
}

/** Long commands over several lines, as a shell takes them. */
function folded(style: Style, command: string): string[] {
  if (command.length <= widthOf(style)) return [command];
  const lines: string[] = [];
  let line = '';
  for (const part of command.split(/ (?=-)/)) {
    if (line !== '' && line.length + part.length + 3 > widthOf(style)) {
      lines.push(`${line} \\`);
      line = `  ${part}`;
    } else line = line === '' ? part : `${line} ${part}`;
  }
  return [...lines, line];
}
