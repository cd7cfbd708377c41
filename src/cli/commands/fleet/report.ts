/** `quiesce fleet report`: the named reports. */

import { type Command, Option } from 'commander';
import { packageVersion } from '../../../../schema/index.ts';
import { FLEET_REPORTS, fleetOverview, type Label, openSource, runFleetReport } from '../../../fleet/index.ts';
import { fleetPage } from '../../../report/fleet/fleet-page.ts';
import { fleetReportText } from '../../../report/fleet/fleet-text.ts';
import { rowsText } from '../../../report/text/rows-text.ts';
import { UsageError } from '../../exit-status.ts';
import { parseShare } from '../../options/durations.ts';
import { outPaged, type Session, styleOf } from '../../terminal/output.ts';
import { writeOutput } from '../../terminal/output-file.ts';
import {
  addScope,
  addTarget,
  checked,
  countOption,
  type FleetOptions,
  kindOption,
  labelOption,
  metricOption,
  scopeOf,
} from './options.ts';

const FORMATS = ['table', 'json', 'csv', 'ndjson'] as const;

interface Options extends FleetOptions {
  readonly metric?: readonly string[];
  readonly kind?: readonly string[];
  readonly base?: readonly Label[];
  readonly head?: readonly Label[];
  readonly runs?: number;
  readonly limit?: number;
  readonly threshold?: number;
  readonly alpha?: number;
  readonly format: (typeof FORMATS)[number];
  readonly json?: boolean;
  readonly html?: boolean;
  readonly output?: string;
}

const listed = FLEET_REPORTS.map(({ name, title }) => `  ${name.padEnd(14)} ${title}`).join('\n');

const HELP = `
Reports:
${listed}

They give the same answers from a lake, from ClickHouse and from a store (--to farm.db). Times in JSON and CSV are
nanoseconds.

Examples:
  quiesce fleet report grace-periods --to /srv/lake --since 90d
  quiesce fleet report findings --to /srv/lake --label kernel=6.12.4 --kind rcu-stall
  quiesce fleet report regressions --to /srv/lake --base kernel=6.12.3 --head kernel=6.12.4
  quiesce fleet report slowest-hosts --to 'clickhouse://ch1/quiesce' --metric synchronize-rcu --json
  quiesce fleet report --html -o fleet.html --to /srv/lake --since 90d`;

export function registerFleetReport(fleet: Command, session: Session): void {
  const command = fleet
    .command('report')
    .description('a named report over all runs')
    .argument('[name]', `one of: ${FLEET_REPORTS.map(({ name }) => name).join(', ')}`);
  addScope(addTarget(command))
    .addOption(metricOption())
    .addOption(kindOption('--kind <names>', 'these kinds of findings, separated by commas'))
    .addOption(labelOption('--base <key=value,...>', 'regressions: runs that are compared with'))
    .addOption(labelOption('--head <key=value,...>', 'regressions: runs that are judged'))
    .addOption(countOption('--runs <n>', 'regressions: runs of a side at most, the newest (default: 50)'))
    .addOption(
      new Option('--threshold <share>', 'regressions: smallest change that counts (default: 5%)').argParser(
        checked(parseShare),
      ),
    )
    .addOption(
      new Option(
        '--alpha <p>',
        'regressions: corrected p-value up to which a change counts (default: 0.005)',
      ).argParser(checked(parseShare)),
    )
    .addOption(countOption('--limit <n>', 'rows at most'))
    .addOption(new Option('--format <format>', 'form of the result').choices(FORMATS).default('table'))
    .option('--json', 'the whole result as JSON (quiesce.fleet-report/1)')
    .option('--html', 'all of them as one page: trends, root causes, what is new; no name, and -o says where')
    .option('-o, --output <file>', 'write there instead of standard output')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: Options) => {
      const scope = scopeOf(options);
      if (options.html) return writePage(name, options, session);
      if (name === undefined)
        throw new UsageError(`name a report: ${FLEET_REPORTS.map((one) => one.name).join(', ')}; or --html`);
      const source = await openSource(options.to, scope, process.env);
      try {
        const result = await runFleetReport(source, name, scope, reportOptions(options));
        const columns = result.columns.map((column) => column.name);
        const text = options.json
          ? `${JSON.stringify(result, undefined, 2)}\n`
          : options.format === 'table'
            ? fleetReportText(result, options.output === undefined ? styleOf(session.streams) : undefined)
            : [...rowsText(columns, result.rows, options.format)].join('');
        if (options.output !== undefined) writeOutput(options.output, text);
        else if (options.format === 'table' && !options.json) outPaged(session, text);
        else session.streams.out(text);
      } finally {
        await source.close();
      }
    });
}

async function writePage(name: string | undefined, options: Options, { streams }: Session): Promise<void> {
  const { to, output } = options;
  if (name !== undefined) throw new UsageError(`--html shows all reports; leave out ${name}`);
  if (output === undefined) throw new UsageError('--html needs -o, the file of the page');
  const scope = scopeOf(options);
  const source = await openSource(to, scope, process.env);
  try {
    const overview = await fleetOverview(source, scope);
    writeOutput(
      output,
      fleetPage(overview, { version: packageVersion(), command: `quiesce fleet report --html --to ${to}` }),
    );
  } finally {
    await source.close();
  }
  streams.err(`quiesce: ${output} written\n`);
}

function reportOptions({ metric, kind, base, head, runs, limit, threshold, alpha }: Options) {
  if ((base === undefined) !== (head === undefined)) throw new UsageError('--base and --head go together');
  return {
    ...(metric && { metrics: metric }),
    ...(kind && { kinds: kind }),
    ...(base && { base }),
    ...(head && { head }),
    ...(runs !== undefined && { newest: runs }),
    ...(limit !== undefined && { limit }),
    ...(threshold !== undefined && { threshold }),
    ...(alpha !== undefined && { alpha }),
  };
}
