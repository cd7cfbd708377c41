/** `quiesce query`: SQL over a store. */
import { type Command, Option } from 'commander';
import { QueryConnection, SqlError } from '../../query/user-sql.ts';
import { ROW_FORMATS, type RowFormat, rowsText } from '../../report/rows-text.ts';
import { UsageError } from '../exit-status.ts';
import type { Session } from '../output.ts';

const EXAMPLES = `
Examples:
  quiesce query quiesce.db "SELECT kind, title FROM finding"
  quiesce query quiesce.db "SELECT * FROM sched_switch WHERE prev_state = 'D' LIMIT 20"
  quiesce query quiesce.db "SELECT name, events FROM event_type ORDER BY events DESC" --format csv
Tables and columns are described in schema/migrations/0001-store.sql; the sqlite3 shell reads the same file.`;

export function registerQuery(program: Command, { streams }: Session): void {
  program
    .command('query')
    .description('run SQL on a store, read-only')
    .argument('<db>', 'store')
    .argument('<sql>', 'one statement')
    .addOption(new Option('--format <format>', 'form of the rows').choices(ROW_FORMATS).default('table'))
    .addHelpText('after', EXAMPLES)
    .action((db: string, sql: string, options: { format: RowFormat }) => {
      const connection = new QueryConnection(db);
      try {
        const { columns, rows } = connection.query(sql);
        for (const text of rowsText(columns, rows, options.format)) streams.out(text);
      } catch (error) {
        if (error instanceof SqlError) throw new UsageError(error.message);
        throw error;
      } finally {
        connection.close();
      }
    });
}
