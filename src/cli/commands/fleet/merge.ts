/** `quiesce fleet merge`: a lake of few files. */
import type { Command } from 'commander';
import { mergeLake } from '../../../fleet/index.ts';
import { plural } from '../../../report/text/text-format.ts';
import type { Session } from '../../terminal/output.ts';

const HELP = `
Every push makes a folder per day. A farm that pushes each run as it ends merges them once a day: reports are faster
with few files. Readers and pushes may go on meanwhile. ClickHouse merges by itself.

Example:
  quiesce fleet merge --to /srv/lake`;

export function registerFleetMerge(fleet: Command, session: Session): void {
  fleet
    .command('merge')
    .description('merge the small files of a lake')
    .requiredOption('--to <folder>', 'folder of a Parquet lake')
    .addHelpText('after', HELP)
    .action(async ({ to }: { to: string }) => {
      const { days, before, after } = await mergeLake(to);
      session.streams.out(`${to}: ${before} batches before, ${after} after (${plural(days, 'day')} merged)\n`);
    });
}
