/** What a capture contains, as a page. */
import type { DoctorResult } from '../../schema/index.ts';
import { assessmentLines, importLines, runLines } from './replay/replay-text.ts';
import type { Style } from './text/style.ts';
import { formatCount, plural, printable } from './text/text-format.ts';

const NAME_WIDTH = 34;
const BAR_WIDTH = 36;

export function doctorText(result: DoctorResult, style: Style): string {
  const { run } = result;
  const lines = [...runLines(run, style)];
  for (const capture of run.captures) {
    const clock = capture.clock === undefined ? 'clock not stated' : `clock ${printable(capture.clock)}`;
    const offset =
      capture.offset_ns === undefined || capture.offset_ns === 0
        ? ''
        : `, shifted by ${(capture.offset_ns / 1e9).toFixed(6)} s ± ${((capture.offset_uncertainty_ns ?? 0) / 1e6).toFixed(3)} ms`;
    lines.push(`  ${printable(capture.path)}: ${capture.format}, ${clock}${offset}`);
  }
  const kernel = Object.entries(run.kernel).map(([field, value]) =>
    // Of the symbols how many there are is enough.
    typeof value === 'object'
      ? `${field} of ${Object.keys(value).length} structs`
      : `${field} ${printable(String(value))}`,
  );
  lines.push(`  kernel: ${kernel.length > 0 ? kernel.join(', ') : 'nothing known; give --profile to replay'}`, '');
  lines.push(style.bold(`${plural(result.event_types.length, 'event type')}`));
  const most = result.event_types[0]?.events ?? 1;
  for (const type of result.event_types) {
    const name = printable(type.system === '' ? type.name : `${type.system}:${type.name}`);
    const bar = '#'.repeat(Math.max(1, Math.round((type.events / most) * BAR_WIDTH)));
    lines.push(`  ${name.padEnd(NAME_WIDTH)} ${formatCount(type.events).padStart(12)}  ${style.dim(bar)}`);
  }
  lines.push('', ...assessmentLines(result, style), ...importLines(result, style));
  lines.push(
    `replay finds ${plural(result.findings, 'problem')}${result.findings > 0 ? ': quiesce replay shows them' : ''}`,
  );
  return `${lines.join('\n')}\n`;
}
