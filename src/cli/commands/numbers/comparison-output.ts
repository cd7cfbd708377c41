/** Options and output that compare and baseline share. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CompareResult, METRIC_NAMES, packageVersion } from '../../../../schema/index.ts';
import { compareRuns } from '../../../compare/compare-runs.ts';
import type { ReadOptions, RunRecord } from '../../../compare/run-record.ts';
import { junitOfComparison } from '../../../export/ci/junit.ts';
import { sarifOfComparison } from '../../../export/ci/sarif.ts';
import { compareText } from '../../../report/runs/compare-text.ts';
import { EXIT_FINDINGS, UsageError } from '../../exit-status.ts';
import { parseShare } from '../../options/durations.ts';
import { type Session, styleOf } from '../../terminal/output.ts';
import { writeOutput } from '../../terminal/output-file.ts';

const FORMATS = ['text', 'json', 'junit', 'sarif'] as const;

export interface ComparisonOptions {
  readonly metric?: readonly string[];
  readonly by?: 'label';
  readonly threshold?: number;
  readonly alpha?: number;
  readonly changes?: boolean;
  readonly json?: boolean;
  readonly format: (typeof FORMATS)[number];
  readonly output?: string;
  readonly failOn?: 'regression' | 'never';
}

function parseMetrics(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(METRIC_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`'${unknown}' is no metric; metrics: ${METRIC_NAMES.join(', ')}.`);
  return [...before, ...names];
}

function share(text: string): number {
  try {
    return parseShare(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

export function addMetricOptions(command: Command): Command {
  return command
    .addOption(new Option('--metric <names>', 'only these metrics, separated by commas').argParser(parseMetrics))
    .addOption(
      new Option('--by <what>', 'tell handlers, lock classes, domains, tasks and work functions apart').choices([
        'label',
      ]),
    );
}

/** @param failOn default of --fail-on */
export function addComparisonOptions(command: Command, failOn: 'regression' | 'never'): Command {
  return addMetricOptions(command)
    .addOption(new Option('--threshold <share>', 'smallest change that counts (default: 5%)').argParser(share))
    .addOption(
      new Option(
        '--alpha <p>',
        'corrected p-value up to which a change is not put down to chance (default: 0.005)',
      ).argParser(share),
    )
    .option('--changes', 'leave out metrics that did not change')
    .addOption(new Option('--format <format>', 'form of the result').choices(FORMATS).default('text'))
    .option('--json', 'the same as --format json (quiesce.compare/1)')
    .option('-o, --output <file>', 'write there instead of standard output')
    .addOption(
      new Option('--fail-on <what>', 'exit with status 1 when something regressed')
        .choices(['regression', 'never'])
        .default(failOn),
    );
}

export function readOptionsOf({ metric, by }: Pick<ComparisonOptions, 'metric' | 'by'>): ReadOptions {
  return { ...(metric && { metrics: metric }), byLabel: by === 'label' };
}

/** Compares, writes the result, sets the exit status. */
export function finishComparison(
  base: readonly RunRecord[],
  head: readonly RunRecord[],
  options: ComparisonOptions,
  session: Session,
): void {
  const result = compareRuns(base, head, {
    ...(options.threshold !== undefined && { threshold: options.threshold }),
    ...(options.alpha !== undefined && { alpha: options.alpha }),
  });
  // Before it is printed: a reader that goes away does not change the verdict.
  if (options.failOn === 'regression' && result.verdict === 'regressed') session.status = EXIT_FINDINGS;
  const text = render(result, options, session);
  if (options.output === undefined) session.streams.out(text);
  else writeOutput(options.output, text);
}

function render(
  result: CompareResult,
  { format, json, changes, output }: ComparisonOptions,
  { streams }: Session,
): string {
  switch (json ? 'json' : format) {
    case 'json':
      return `${JSON.stringify(result, null, 1)}\n`;
    case 'junit':
      return junitOfComparison(result);
    case 'sarif':
      return `${JSON.stringify(sarifOfComparison(result, packageVersion(), process.cwd()), null, 1)}\n`;
    case 'text':
      return compareText(result, { all: !changes, ...(output === undefined && { style: styleOf(streams) }) });
  }
}
