/** The gate of a fleet as text: one entry per root cause, with the findings that come down to it. */
import { type FleetGateResult, type FleetIdentity, formatDuration } from '../../../schema/index.ts';
import { PLAIN, type Style } from '../text/style.ts';
import { plural, printable } from '../text/text-format.ts';

export function fleetGateText(result: FleetGateResult, style: Style = PLAIN): string {
  const lines = [`${plural(result.head_runs, 'run')} judged against ${plural(result.base_runs, 'run')}`, ''];
  for (const group of byRoot(result.new)) lines.push(...groupLines(group, style), '');
  for (const { kind, runs } of result.not_assessed)
    lines.push(`${plural(runs, 'run')} could not have shown ${kind}; quiesce plan --for ${kind} says what to record`);
  const known = result.known > 0 ? `, ${result.known} known` : '';
  const count = plural(result.new.length, 'new finding');
  lines.push(style.bold(`${result.passed ? 'passed' : 'failed'}: ${count}${known}`));
  return `${lines.join('\n')}\n`;
}

/** In the order of their first; within a group what is its own root comes first. */
function byRoot(found: readonly FleetIdentity[]): FleetIdentity[][] {
  const groups = new Map<string, FleetIdentity[]>();
  for (const one of found) {
    const group = groups.get(one.root) ?? [];
    groups.set(one.root, one.identity === one.root ? [one, ...group] : [...group, one]);
  }
  return [...groups.values()];
}

function groupLines([first, ...others]: readonly FleetIdentity[], style: Style): string[] {
  const worst = first.worst_ns > 0 ? `, at worst ${formatDuration(first.worst_ns)}` : '';
  return [
    `${style.severity(first.severity, `new ${first.severity}`)}  ${printable(first.title)}`,
    `  in ${plural(first.runs, 'run')} on ${plural(first.hosts, 'host')}${worst}`,
    ...[first, ...others].map(({ identity }) => style.dim(`  ${printable(identity)}`)),
  ];
}
