/** What the help of a verb says after its options: examples, metrics, instants. */
import type { Command } from 'commander';

export function helpAfter(command: Command): string {
  let text = '';
  // At the width at which it is printed.
  const before = command.helpInformation();
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(before.length);
}
