/** `quiesce explain`: the evidence of one finding, event by event, or as a mail. */

import { type Command, Option } from 'commander';
import { type KernelProfile, packageVersion } from '../../../../schema/index.ts';
import type { Explanation } from '../../../query/explain.ts';
import { explainFinding } from '../../../query/explain.ts';
import { QueryConnection } from '../../../query/user-sql.ts';
import { rootsOf } from '../../../replay/roots/roots.ts';
import { explainText } from '../../../report/explain/explain-text.ts';
import { EXPLAIN_FORMATS, type ExplainOptions } from '../../../report/explain/explained.ts';
import { StoreReader } from '../../../store/run-reader.ts';
import { parseRunId } from '../../options/replay-options.ts';
import { addSourceOptions, linesOfFrames, type SourceOptions } from '../../options/source-options.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../../run-input.ts';
import { outPaged, type Session, styleOf } from '../../terminal/output.ts';

const EXAMPLES = `
Examples:
  quiesce explain trace.dat rcu-stall                        the beginning of an id is enough
  quiesce explain quiesce.db rcu-stall --format mail         plain text of 72 columns, for a list
  quiesce explain quiesce.db rcu-stall --format md           for an issue, with details that fold away
  quiesce explain quiesce.db rcu-stall --teach               what the kernel checks, and the rules in full
The ids of findings are in the report of replay, in its --json, and in the table "finding".`;

interface ExplainCommandOptions extends InputOptions, SourceOptions {
  readonly format: ExplainOptions['format'] | 'json';
  readonly json?: boolean;
  readonly teach?: boolean;
  readonly all?: boolean;
  readonly run?: number;
}

export function registerExplain(program: Command, session: Session): void {
  const command = program
    .command('explain')
    .argument('<input>', INPUT_HELP)
    .argument('<finding>', 'id of a finding or root cause, or the beginning of one');
  addSourceOptions(addInputOptions(command))
    .addOption(
      new Option('--format <format>', 'form of the text').choices([...EXPLAIN_FORMATS, 'json']).default('text'),
    )
    .option('--json', 'the same as --format json (quiesce.explain/1)')
    .option('--teach', 'what the kernel checks and why, and the rules in full')
    .option('--all', 'also events that only show what was recorded, and ranges of events')
    .option('--run <id>', 'run of the store (default: the latest that has the finding)', parseRunId)
    .addHelpText('after', EXAMPLES)
    .action((input: string, finding: string, options: ExplainCommandOptions) =>
      withStore(input, options, session, (path) => explain(path, finding, options, session)),
    );
}

/** Stack frames with their source lines, where an image is given. */
function withSourceLines(explanation: Explanation, options: ExplainCommandOptions, path: string): Explanation {
  const reader = new StoreReader(path);
  let kernel: KernelProfile;
  try {
    kernel = reader.runInfo(explanation.runId).kernel;
  } finally {
    reader.close();
  }
  const { events, lines } = explanation;
  const frames = [...events, ...lines].flatMap(({ stack }) => stack);
  const found = linesOfFrames(options, frames, kernel);
  if (found === undefined) return explanation;
  const told = <T extends { readonly stack: readonly string[] }>(item: T): T => ({
    ...item,
    stack: item.stack.map((frame) => (found.has(frame) ? `${frame} ${found.get(frame)}` : frame)),
  });
  return { ...explanation, events: events.map(told), lines: lines.map(told) };
}

function explain(path: string, id: string, options: ExplainCommandOptions, session: Session): void {
  const { streams } = session;
  const connection = new QueryConnection(path);
  let explanation: Explanation;
  try {
    explanation = explainFinding(connection, id, options.run);
    explanation = withSourceLines(explanation, options, path);
  } finally {
    connection.close();
  }
  const { format, json, teach = false, all = false } = options;
  if (json || format === 'json') {
    streams.out(`${JSON.stringify({ schema: 'quiesce.explain/1', ...explanation }, null, 1)}\n`);
    return;
  }
  const reader = new StoreReader(path);
  try {
    const { roots } = rootsOf(reader.findings(explanation.runId));
    const root = roots.find(({ findings }) => findings.includes(explanation.finding.id));
    const run = reader.runInfo(explanation.runId);
    const shown = { style: styleOf(streams), format, teach, all, run, version: packageVersion() };
    outPaged(session, explainText(explanation, { ...shown, ...(root && { root }) }));
  } finally {
    reader.close();
  }
}
