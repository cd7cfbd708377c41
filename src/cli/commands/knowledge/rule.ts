/** `quiesce rule`: the rules that findings cite, from docs/MODEL.md. */
import type { Command } from 'commander';
import type { RuleResult } from '../../../../schema/index.ts';
import { ruleBook } from '../../../query/rule-book.ts';
import { ruleListText, ruleText } from '../../../report/rule-text.ts';
import { UsageError } from '../../exit-status.ts';
import { type Session, styleOf } from '../../terminal/output.ts';

const EXAMPLES = `
Examples:
  quiesce rule          all of them, a line each
  quiesce rule R2.61    one, with the kernel function that it follows
Findings name their rules in --json (notes[].rules) and in the report of explain.`;

export function registerRule(program: Command, { streams }: Session): void {
  program
    .command('rule')
    .argument('[id]', 'id of a rule, such as R2.61 (default: list them)')
    .option('--json', 'print as JSON')
    .addHelpText('after', EXAMPLES)
    .action((id: string | undefined, options: { json?: boolean }) => {
      const book = ruleBook();
      const rules = id === undefined ? book.rules : [book.rule(id) ?? unknown(id, book.suggestions(id))];
      if (options.json) {
        const result: RuleResult = { schema: 'quiesce.rule/1', rules };
        streams.out(`${JSON.stringify(result, null, 1)}\n`);
      } else if (id === undefined) streams.out(ruleListText(rules, styleOf(streams)));
      else for (const rule of rules) streams.out(ruleText(rule, styleOf(streams)));
    });
}

function unknown(id: string, suggestions: readonly string[]): never {
  const meant = suggestions.length > 0 ? `; did you mean ${suggestions.join(', ')}?` : '';
  throw new UsageError(`there is no rule ${id}${meant} (quiesce rule lists them)`);
}
