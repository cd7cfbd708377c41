/** `quiesce export`: what a store holds, for other programs. */
import { type Command, Option } from 'commander';
import { UsageError } from '../exit-status.ts';
import type { Session } from '../output.ts';
import { type Sink, writeOutputWith } from '../output-file.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../run-input.ts';
import { EXPORT_FORMATS } from './export-formats.ts';
import { parseRunId } from './replay-options.ts';

interface ExportOptions extends InputOptions {
  readonly format: string;
  readonly output?: string;
  readonly run?: number;
}

const HELP = `
Formats:
${Object.entries(EXPORT_FORMATS)
  .map(([name, { title }]) => `  ${name.padEnd(12)}${title}`)
  .join('\n')}

Examples:
  quiesce export quiesce.db --format junit -o findings.xml
  quiesce export quiesce.db --format sarif --run 2 -o findings.sarif`;

export function registerExport(program: Command, session: Session): void {
  const command = program
    .command('export')
    .description('write what a store holds for other programs: findings for CI, whole runs for viewers')
    .argument('<input>', INPUT_HELP);
  addInputOptions(command)
    .addOption(new Option('--format <format>', 'see below').choices(Object.keys(EXPORT_FORMATS)).makeOptionMandatory())
    .option('-o, --output <file>', 'write there instead of standard output')
    .option('--run <id>', 'one run (default: every run of the store; the latest for viewers)', parseRunId)
    .addHelpText('after', HELP)
    .action((input: string, options: ExportOptions) => {
      const { ofOneRun, write } = EXPORT_FORMATS[options.format];
      const { run } = options;
      return withStore(
        input,
        { ...options, ...(run === undefined && !ofOneRun && { run: 'all' }) },
        session,
        (path) => {
          const produce = (sink: Sink): void => write({ path, ...(run !== undefined && { run }) }, sink);
          if (options.output === undefined) produce(standardOutput(session));
          else writeOutputWith(options.output, produce);
        },
      );
    });
}

function standardOutput({ streams }: Session): Sink {
  return (piece) => {
    if (typeof piece === 'string') streams.out(piece);
    else if (streams.bytes) streams.bytes(piece);
    else throw new UsageError('this format is not text: name a file with -o, or lead it into another program');
  };
}
