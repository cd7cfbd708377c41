/** `quiesce explain`: the evidence of one finding, event by event. */
import { type Command, Option } from 'commander';
import { explainFinding } from '../../query/explain.ts';
import { QueryConnection } from '../../query/user-sql.ts';
import { explainText } from '../../report/explain-text.ts';
import { type Session, styleOf } from '../output.ts';
import { parseRunId } from './replay-options.ts';

const EXAMPLES = `
Examples:
  quiesce explain quiesce.db rcu-stall                       the beginning of an id is enough
  quiesce explain quiesce.db rcu-stall-24a5f934 --format md  for a mail or an issue
The ids of findings are in the report of replay, in its --json, and in the table "finding".`;

interface ExplainOptions {
  readonly format: 'text' | 'md' | 'json';
  readonly run?: number;
}

export function registerExplain(program: Command, { streams }: Session): void {
  program
    .command('explain')
    .description('the evidence of one finding, event by event, with stacks and rules')
    .argument('<db>', 'store')
    .argument('<finding>', 'id of a finding, or the beginning of one')
    .addOption(new Option('--format <format>', 'form of the text').choices(['text', 'md', 'json']).default('text'))
    .option('--run <id>', 'run of the store (default: the latest that has the finding)', parseRunId)
    .addHelpText('after', EXAMPLES)
    .action((db: string, finding: string, options: ExplainOptions) => {
      const connection = new QueryConnection(db);
      try {
        const explanation = explainFinding(connection, finding, options.run);
        if (options.format === 'json') streams.out(`${JSON.stringify(explanation, null, 1)}\n`);
        else streams.out(explainText(explanation, { style: styleOf(streams), format: options.format }));
      } finally {
        connection.close();
      }
    });
}
