/** `quiesce query`: SQL over a store, queries of the library, or a shell. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { namedQueries, namedQuery, runNamedQuery } from '../../../query/named-catalog.ts';
import { QueryConnection } from '../../../query/user-sql.ts';
import { queryDescription, queryListJson, queryListText } from '../../../report/query-help.ts';
import { ROW_FORMATS, type RowFormat, rowsText } from '../../../report/text/rows-text.ts';
import { EXIT_USAGE, UsageError } from '../../exit-status.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, noteWithoutEvents, withStore } from '../../run-input.ts';
import { type Session, styleOf } from '../../terminal/output.ts';
import { progressBar } from '../../terminal/progress.ts';

const EXAMPLES = `
Without a statement and without --named a shell opens on a terminal: .help in it says more. From a pipe, statements are
read one after another.

Examples:
  quiesce query quiesce.db --list
  quiesce query quiesce.db --describe slowest-synchronize-calls
  quiesce query quiesce.db --named slowest-synchronize-calls --param limit=5
  quiesce query quiesce.db --named events-around --param at=27.102 --param window_ms=2
  quiesce query quiesce.db "SELECT kind, title FROM finding"
  quiesce query quiesce.db "SELECT * FROM sched_switch WHERE prev_state = 'D' LIMIT 20" --format csv
CSV shows control characters as \\x1b, and a text that a spreadsheet would take for a formula begins with an apostrophe;
JSON has every text as it is.
Tables and columns are described in docs/SCHEMA.md; the sqlite3 shell reads the same file, after quiesce rows. Events
become rows of the file when a statement first reads their kind; a file that cannot be written is answered from all the same.`;

interface QueryOptions extends InputOptions {
  readonly named?: string;
  readonly param?: Readonly<Record<string, string>>;
  readonly list?: boolean;
  readonly describe?: string;
  readonly format: RowFormat;
}

function parseParam(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('name=value expected.');
  return { ...before, [text.slice(0, at).replace(/^:/, '')]: text.slice(at + 1) };
}

export function registerQuery(program: Command, session: Session): void {
  const command = program.command('query').argument('[input]', INPUT_HELP).argument('[sql]', 'one statement');
  addInputOptions(command)
    .option('--named <name>', 'run a query of the library')
    .addOption(
      new Option('--param <name=value>', 'parameter of the named query; may be repeated').argParser(parseParam),
    )
    .option('--list', 'list the library')
    .option('--describe <name>', 'explain a query of the library')
    .addOption(new Option('--format <format>', 'form of the rows').choices(ROW_FORMATS).default('table'))
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .addHelpText('after', EXAMPLES)
    .action((db: string | undefined, sql: string | undefined, options: QueryOptions) => run(db, sql, options, session));
}

function run(
  db: string | undefined,
  sql: string | undefined,
  options: QueryOptions,
  session: Session,
): void | Promise<void> {
  const { streams } = session;
  const { named, param, list, describe, format } = options;
  if (list) {
    if (format === 'table') streams.out(queryListText(namedQueries(), styleOf(streams)));
    else streams.out(`${JSON.stringify(queryListJson(namedQueries()), null, 1)}\n`);
    return;
  }
  if (describe !== undefined) {
    streams.out(queryDescription(namedQuery(describe), styleOf(streams)));
    return;
  }
  if (db === undefined) throw new UsageError('name a store; --list shows the query library');
  if (sql !== undefined && named !== undefined) throw new UsageError('either a statement or --named, not both');
  if (param !== undefined && named === undefined) throw new UsageError('--param: only with --named');
  if (sql !== undefined && namedQueries().some(({ name }) => name === sql.trim()))
    throw new UsageError(`'${sql.trim()}' is a query of the library, not a statement: --named ${sql.trim()}`);
  // Events are enough for SQL: a run that was only stored stays as it is.
  return withStore(db, options, session, (path) => answer(path, sql, options, session), false);
}

function answer(path: string, sql: string | undefined, options: QueryOptions, session: Session): void | Promise<void> {
  const { named, param, format } = options;
  if (named === undefined && sql === undefined) return openShell(path, format, session);
  if (named !== undefined) noteWithoutEvents(path, options, session);
  const bar = progressBar(session.streams.terminal && !options.quiet, 'events');
  const connection = new QueryConnection(path, {
    onProgress: ({ readEvents, totalEvents }) =>
      bar.update({ readBytes: readEvents, totalBytes: totalEvents, events: readEvents }),
  });
  try {
    const { columns, rows } =
      named === undefined ? connection.query(sql as string) : runNamedQuery(connection, named, param);
    bar.stop();
    for (const text of rowsText(columns, rows, format)) session.streams.out(text);
  } finally {
    bar.stop();
    connection.close();
  }
}

async function openShell(db: string, format: RowFormat, session: Session): Promise<void> {
  const { shell } = session.streams;
  if (shell === undefined) throw new UsageError('a statement or --named expected');
  const { defaultHistoryFile, runQueryShell } = await import('../../shell/query-shell.ts');
  const streams = { historyFile: defaultHistoryFile(process.env), ...shell };
  if (!(await runQueryShell(db, format, streams)) && !shell.interactive) session.status = EXIT_USAGE;
}
