/** Findings over many runs: a paragraph each. */
import type { AcrossResult, FindingAcross, LabelCorrelation } from '../../../schema/index.ts';
import type { Style } from '../text/style.ts';
import { plural, printable, wrapAfter } from '../text/text-format.ts';

const WIDTH = 100;

export function acrossText({ runs, by, findings }: AcrossResult, style: Style): string {
  const noun = by === 'root' ? 'root cause' : 'finding';
  const head = `${plural(findings.length, noun)} in ${plural(runs, 'run')}`;
  if (findings.length === 0) return `${head}\n`;
  return `${head}\n\n${findings.map((finding) => paragraph(finding, style)).join('\n')}`;
}

function paragraph(finding: FindingAcross, style: Style): string {
  const { severity, title, identity, runs, assessed_runs, count, first_run, first_seen, last_run, last_seen, labels } =
    finding;
  const width = style.width ?? WIDTH;
  const share = `${runs} of ${plural(assessed_runs, 'run')} that could show it (${percent(runs / assessed_runs)})`;
  const details = [
    `${share}, ${plural(count, 'finding')}`,
    `first ${when(first_seen)} (run ${first_run}), last ${when(last_seen)} (run ${last_run})`,
    ...labels.map(labelLine),
  ];
  const lines = [
    ...wrapAfter(`${style.severity(severity, severity)}: `, '  ', style.bold(printable(title)), width),
    ...details.flatMap((line) => wrapAfter('  ', '    ', printable(line), width)),
    style.dim(`  ${printable(identity)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function labelLine({ key, value, runs, runs_with, other_runs, other_with, p_value }: LabelCorrelation): string {
  return `with ${key}=${value}: ${runs_with} of ${runs}, else ${other_with} of ${other_runs} (p = ${p_value.toPrecision(1)})`;
}

function when(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

function percent(share: number): string {
  return share > 0 && share < 0.01 ? '<1 %' : `${Math.round(share * 100)} %`;
}

/** Identities, one per line: what `--against` takes. */
export function identityList({ findings }: AcrossResult): string {
  return findings.map(({ identity }) => `${identity}\n`).join('');
}
