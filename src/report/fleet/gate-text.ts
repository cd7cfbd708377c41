/** The gate of a fleet as text. */
import { type FleetGateResult, formatDuration } from '../../../schema/index.ts';
import { PLAIN, type Style } from '../style.ts';
import { plural, printable } from '../text-format.ts';

export function fleetGateText(result: FleetGateResult, style: Style = PLAIN): string {
  const lines = [`${plural(result.head_runs, 'run')} judged against ${plural(result.base_runs, 'run')}`, ''];
  for (const one of result.new) {
    lines.push(
      `${style.severity(one.severity, `new ${one.severity}`)}  ${printable(one.title)}`,
      `  in ${plural(one.runs, 'run')} on ${plural(one.hosts, 'host')}${one.worst_ns > 0 ? `, at worst ${formatDuration(one.worst_ns)}` : ''}`,
      style.dim(`  identity: ${printable(one.identity)}`),
    );
  }
  for (const { kind, runs } of result.not_assessed)
    lines.push(`${plural(runs, 'run')} could not have shown ${kind}; quiesce plan --for ${kind} says what to record`);
  const known = result.known > 0 ? `, ${result.known} known` : '';
  lines.push(style.bold(`${result.passed ? 'passed' : 'failed'}: ${result.new.length} new${known}`));
  return `${lines.join('\n')}\n`;
}
