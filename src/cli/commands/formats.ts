/** `quiesce formats`: what can be read. */
import type { Command } from 'commander';
import { FORMATS } from '../../../parsers/index.ts';
import { wrap } from '../../report/text-format.ts';
import { terminalOutput } from '../output.ts';

export function registerFormats(program: Command): void {
  program
    .command('formats')
    .description('list the capture formats that can be read')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nEvery format is recognised by its content, plain or compressed with gzip or zstd.')
    .action((options: { json?: boolean }) => {
      const output = terminalOutput(false);
      const formats = FORMATS.map(({ id, title, details }) => ({ id, title, details }));
      if (options.json) {
        output.data(`${JSON.stringify({ schema: 'quiesce.formats/1', formats }, null, 1)}\n`);
        return;
      }
      for (const { title, details } of formats) {
        output.data(`${output.style.bold(title)}\n`);
        for (const line of wrap(details, 96)) output.data(`    ${line}\n`);
      }
    });
}
