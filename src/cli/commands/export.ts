/** `quiesce export`: findings of a store for other programs. */
import { type Command, Option } from 'commander';
import { junitOfRuns } from '../../export/junit.ts';
import { type SarifRun, sarifOfRuns } from '../../export/sarif.ts';
import { rootsOf } from '../../replay/roots/roots.ts';
import { StoreReader } from '../../store/run-reader.ts';
import { UsageError } from '../exit-status.ts';
import type { Session } from '../output.ts';
import { writeOutput } from '../output-file.ts';
import { packageVersion } from '../package-version.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../run-input.ts';
import { parseRunId } from './replay-options.ts';

interface ExportedRun extends SarifRun {
  readonly name: string;
}

interface ExportOptions extends InputOptions {
  readonly format: string;
  readonly output?: string;
  readonly run?: number;
}

interface ExportFormat {
  readonly title: string;
  readonly render: (runs: readonly ExportedRun[]) => string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

const FORMATS: Readonly<Record<string, ExportFormat>> = {
  junit: {
    title: 'JUnit XML: one test case per kind of finding, skipped where the capture could not decide it',
    render: (runs) => junitOfRuns(runs),
  },
  sarif: {
    title: 'SARIF 2.1.0: findings for code-scanning dashboards',
    render: (runs) => json(sarifOfRuns(runs, packageVersion())),
  },
  json: {
    title: 'runs, findings and assessments (quiesce.export/1)',
    render: (runs) =>
      json({
        schema: 'quiesce.export/1',
        runs: runs.map(({ info, assessments, findings }) => ({ run: info, assessments, ...rootsOf(findings) })),
      }),
  },
};

const HELP = `
Formats:
${Object.entries(FORMATS)
  .map(([name, { title }]) => `  ${name.padEnd(8)}${title}`)
  .join('\n')}

Examples:
  quiesce export quiesce.db --format junit -o findings.xml
  quiesce export quiesce.db --format sarif --run 2 -o findings.sarif`;

export function registerExport(program: Command, session: Session): void {
  const command = program
    .command('export')
    .description('write the findings of a store for other programs')
    .argument('<input>', INPUT_HELP);
  addInputOptions(command)
    .addOption(new Option('--format <format>', 'see below').choices(Object.keys(FORMATS)).makeOptionMandatory())
    .option('-o, --output <file>', 'write there instead of standard output')
    .option('--run <id>', 'one run (default: every run of the store)', parseRunId)
    .addHelpText('after', HELP)
    .action((input: string, options: ExportOptions) =>
      withStore(input, { ...options, run: options.run ?? 'all' }, session, (db) => {
        const text = FORMATS[options.format].render(readRuns(db, options.run));
        if (options.output === undefined) session.streams.out(text);
        else writeOutput(options.output, text);
      }),
    );
}

/** @throws StoreError, UsageError when the store has no such run, or a run was never replayed */
function readRuns(db: string, run: number | undefined): ExportedRun[] {
  const reader = new StoreReader(db);
  try {
    const ids = run === undefined ? reader.runIds() : [run];
    return ids.map((id) => {
      const info = reader.runInfo(id);
      if (!reader.settings(id).replayed)
        throw new UsageError(`${db}: run ${id} was never replayed; run: quiesce replay ${db} --run ${id}`);
      return { name: info.name, info, findings: reader.findings(id), assessments: reader.assessments(id) };
    });
  } finally {
    reader.close();
  }
}
