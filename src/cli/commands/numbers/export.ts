/** `quiesce export`: what a store holds, for other programs. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EVERYTHING, EXPORT_PARTS, type ExportPart, type ExportSelection } from '../../../export/selection.ts';
import { STACK_METRICS } from '../../../export/stacks/stack-metrics.ts';
import { PICTURES, type PictureKind } from '../../../export/svg/finding-svg.ts';
import { openStore } from '../../../jobs/store.ts';
import { loadGraphviz } from '../../../report/graph/svg-of-dot.ts';
import { UsageError } from '../../exit-status.ts';
import { parseCpus } from '../../options/cpu-list.ts';
import { INSTANTS_HELP, timeOf } from '../../options/instants.ts';
import { parseRunId } from '../../options/replay-options.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../../run-input.ts';
import type { Session } from '../../terminal/output.ts';
import { type Sink, writeOutputWith } from '../../terminal/output-file.ts';
import { EXPORT_FORMATS, type ExportFormat, type ExportOption } from './export-formats.ts';

interface ExportOptions extends InputOptions {
  readonly format: string;
  readonly output?: string;
  readonly run?: number;
  readonly from?: string;
  readonly to?: string;
  readonly cpu?: readonly number[];
  readonly only?: readonly ExportPart[];
  readonly metric?: string;
  readonly against?: readonly string[];
  readonly finding?: string;
  readonly picture?: PictureKind;
}

const DEFAULT_METRIC = 'blocked';
const DEFAULT_PICTURE: PictureKind = 'timeline';

const HELP = `
${INSTANTS_HELP}

Formats:
${Object.entries(EXPORT_FORMATS)
  .map(([name, { title }]) => `  ${name.padEnd(12)}${title}`)
  .join('\n')}

Parts of a run, for --only:
${Object.entries(EXPORT_PARTS)
  .map(([name, what]) => `  ${name.padEnd(15)}${what}`)
  .join('\n')}

Metrics of flame graphs, for --metric (default: ${DEFAULT_METRIC}):
${Object.entries(STACK_METRICS)
  .map(([name, { title }]) => `  ${name.padEnd(15)}${title}`)
  .join('\n')}

Pictures, for --picture (default: ${DEFAULT_PICTURE}):
${Object.entries(PICTURES)
  .map(([name, what]) => `  ${name.padEnd(15)}${what}`)
  .join('\n')}

Examples:
  quiesce export trace.dat --format perfetto -o run.pftrace        then open it at https://ui.perfetto.dev
  quiesce export quiesce.db --run 1 --format perfetto --from 28.7 --to 29.2 --only findings,scheduling -o stall.pftrace
  quiesce export trace.dat --format folded --metric blocked | flamegraph.pl --countname ns > blocked.svg
  quiesce export quiesce.db --format svg --finding rcu-stall -o stall.svg
  quiesce export quiesce.db --format svg --finding lock-inversion --picture graph -o cycle.svg
  quiesce export quiesce.db --format junit -o findings.xml
  quiesce export quiesce.db --format sarif --run 2 -o findings.sarif`;

export function registerExport(program: Command, session: Session): void {
  const command = program.command('export').argument('<input>', INPUT_HELP);
  addInputOptions(command)
    .addOption(new Option('--format <format>', 'see below').choices(Object.keys(EXPORT_FORMATS)).makeOptionMandatory())
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .option('-o, --output <file>', 'write there instead of standard output')
    .option('--run <id>', 'one run (default: every run of the store; the latest for viewers)', parseRunId)
    .option('--from <instant>', 'what ends before is left out')
    .option('--to <instant>', 'what begins later is left out')
    .addOption(new Option('--cpu <list>', 'events and interrupts of these CPUs only: 0,2-3').argParser(parseCpus))
    .addOption(new Option('--only <parts>', 'these parts of a run, separated by commas').argParser(parseParts))
    .addOption(new Option('--metric <name>', 'what a flame graph shows').choices(Object.keys(STACK_METRICS)))
    .option(
      '--against <file>',
      'known problems that get a case of their own: a store, a baseline or a list of identities; may be repeated (default: those of the store)',
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .option('--finding <id>', 'what a picture is of: the id of a finding, or its beginning (default: the worst)')
    .addOption(new Option('--picture <kind>', 'how a finding is drawn').choices(Object.keys(PICTURES)))
    .addHelpText('after', HELP)
    .action((input: string, options: ExportOptions) => {
      const format = EXPORT_FORMATS[options.format];
      checkOptions(options, format);
      const { run, against } = options;
      const wanted = { ...options, ...(run === undefined && !format.ofOneRun && { run: 'all' as const }) };
      return withStore(input, wanted, session, async (path) => {
        const request = {
          path,
          ...(run !== undefined && { run }),
          selection: selectionOf(path, options),
          metric: STACK_METRICS[options.metric ?? DEFAULT_METRIC],
          ...(against && { against }),
          picture: options.picture ?? DEFAULT_PICTURE,
          ...(options.finding !== undefined && { finding: options.finding }),
          ...(options.picture === 'graph' && { graphviz: await loadGraphviz() }),
        };
        let notes: readonly string[] = [];
        const produce = (sink: Sink): void => {
          notes = format.write(request, sink);
        };
        if (options.output === undefined) produce(standardOutput(session));
        else writeOutputWith(options.output, produce);
        if (!options.quiet) for (const note of notes) session.streams.err(`quiesce: ${note}\n`);
      });
    });
}

const OPTIONAL = [
  'from',
  'to',
  'cpu',
  'only',
  'metric',
  'against',
  'finding',
  'picture',
] as const satisfies readonly ExportOption[];

/** @throws UsageError when the format does not know an option */
function checkOptions(options: ExportOptions, { options: known = [] }: ExportFormat): void {
  const unknown = OPTIONAL.find((name) => options[name] !== undefined && !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--${unknown}: not with --format ${options.format}`);
}

/** @throws UsageError, StoreError */
function selectionOf(path: string, { from, to, cpu, only, run }: ExportOptions): ExportSelection {
  const bounds = { ...EVERYTHING, ...(cpu && { cpus: new Set(cpu) }), ...(only && { parts: new Set(only) }) };
  if (from === undefined && to === undefined && cpu === undefined) return bounds;
  using store = openStore(path);
  const info = store.run(run);
  if (cpu?.every((number) => number >= info.cpus))
    throw new UsageError(`--cpu: the run has CPUs 0 to ${info.cpus - 1}`);
  const fromNs = from === undefined ? bounds.fromNs : timeOf(store, from, run);
  const toNs = to === undefined ? bounds.toNs : timeOf(store, to, run);
  if (fromNs > toNs) throw new UsageError('--from lies behind --to');
  if (fromNs > info.last_ns || toNs < info.first_ns) throw new UsageError('--from, --to: nothing was recorded then');
  return { ...bounds, fromNs, toNs };
}

function parseParts(text: string): ExportPart[] {
  return text.split(',').map((part) => {
    if (!Object.hasOwn(EXPORT_PARTS, part))
      throw new InvalidArgumentError(`no part "${part}"; there are: ${Object.keys(EXPORT_PARTS).join(', ')}.`);
    return part as ExportPart;
  });
}

function standardOutput({ streams }: Session): Sink {
  return (piece) => {
    if (typeof piece === 'string') streams.out(piece);
    else if (streams.bytes) streams.bytes(piece);
    else throw new UsageError('this format is not text: name a file with -o, or lead it into another program');
  };
}
