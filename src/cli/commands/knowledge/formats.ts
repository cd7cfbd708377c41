/** `quiesce formats`: what can be read. */
import type { Command } from 'commander';
import { FORMATS } from '../../../../parsers/index.ts';
import type { FormatsResult } from '../../../../schema/index.ts';
import { wrap } from '../../../report/text/text-format.ts';
import { type Session, styleOf } from '../../terminal/output.ts';

export function registerFormats(program: Command, { streams }: Session): void {
  program
    .command('formats')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nEvery format is recognised by its content, plain or compressed with gzip or zstd.')
    .action((options: { json?: boolean }) => {
      const formats = FORMATS.map(({ id, title, details }) => ({ id, title, details }));
      if (options.json) {
        const result: FormatsResult = { schema: 'quiesce.formats/1', formats };
        streams.out(`${JSON.stringify(result, null, 1)}\n`);
        return;
      }
      for (const { title, details } of formats) {
        streams.out(`${styleOf(streams).bold(title)}\n`);
        for (const line of wrap(details, 96)) streams.out(`    ${line}\n`);
      }
    });
}
