/** `quiesce fleet schema`: the tables in ClickHouse. */
import type { Command } from 'commander';
import { applySchema, clickHouseSchema, parseClickHouseUrl } from '../../../fleet/index.ts';
import type { Session } from '../../terminal/output.ts';

const HELP = `
The user that pushes needs SELECT and INSERT, one that reports needs SELECT; only this verb creates anything.
On a cluster every server gets the same statements: run it once per server, or hand the text to an administrator.

Examples:
  quiesce fleet schema --to clickhouse://ch1/quiesce --apply
  quiesce fleet schema --to 'clickhouse://ch1/quiesce?cluster=lab' > tables.sql`;

export function registerFleetSchema(fleet: Command, session: Session): void {
  fleet
    .command('schema')
    .description('print the statements that make the tables in ClickHouse')
    .requiredOption('--to <address>', 'clickhouse://host:port/database?cluster=name')
    .option('--apply', 'run them on that server')
    .addHelpText('after', HELP)
    .action(async ({ to, apply }: { to: string; apply?: boolean }) => {
      const statements = clickHouseSchema(parseClickHouseUrl(to, process.env));
      if (!apply) {
        session.streams.out(statements.map((statement) => `${statement};\n`).join(''));
        return;
      }
      await applySchema(to, process.env);
      session.streams.out(`${to}: ${statements.length} statements done\n`);
    });
}
