/** What the help of a verb says after its options: examples, metrics, instants. */
import type { Command } from 'commander';

export function helpAfter(command: Command): string {
  let text = '';
  const before = command.createHelp().formatHelp(command, command.createHelp());
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(before.length);
}
