/** `quiesce completion`: what a shell completes, made from the verbs and options themselves. */
import { Argument, type Command } from 'commander';
import { COMPLETION_SHELLS, type CompletionShell, completionScript } from '../../completion.ts';
import type { Session } from '../../terminal/output.ts';

const EXAMPLES = `
Examples:
  quiesce completion bash > /etc/bash_completion.d/quiesce
  quiesce completion zsh > "\${fpath[1]}/_quiesce"
  quiesce completion fish > ~/.config/fish/completions/quiesce.fish`;

export function registerCompletion(program: Command, session: Session): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'shell that completes').choices(COMPLETION_SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: CompletionShell) => session.streams.out(completionScript(shell, program)));
}
