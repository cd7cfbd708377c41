/** The shell of `quiesce query DB`: SQL and dot commands, line by line, with history; Ctrl-C stops what runs. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { formatDuration } from '../../../schema/index.ts';
import { namedQueries, namedQuery, type QueryArguments } from '../../query/named-catalog.ts';
import { parseDotCommand, splitStatements } from '../../query/shell-language.ts';
import { SqlError } from '../../query/user-sql.ts';
import { queryDescription, queryListText } from '../../report/query-help.ts';
import { fittedTable } from '../../report/text/fitted-table.ts';
import { ROW_FORMATS, type RowFormat, rowsText } from '../../report/text/rows-text.ts';
import { plural, printable } from '../../report/text/text-format.ts';
import { withoutGuards } from '../../store/rows/guarded-view.ts';
import { inert } from '../terminal/outlet.ts';
import {
  InlineRunner,
  openStatementRunner,
  type ShellTask,
  type StatementRunner,
  StatementStopped,
} from './statement-runner.ts';

const PROMPT = 'quiesce> ';
const CONTINUED = '    ...> ';
const HISTORY_LINES = 1000;
const DEFAULT_LIMIT = 1000;
const DEFAULT_COLUMNS = 100;

const HELP = `Statements end with a semicolon; the store is only read. Ctrl-C stops a statement, Ctrl-D leaves.
.tables [text]           tables and views whose names contain the text
.schema [name]           their definitions, with a comment per column
.queries                 the query library
.describe NAME           one query of it
.named NAME [k=v …]      runs it
.format table|json|csv|ndjson
.limit N                 rows shown of an answer (default ${DEFAULT_LIMIT})
.help
.quit
`;

/** Takes text. */
export interface ShellOutlet {
  write(text: string): unknown;
  /** Width in characters, where it is known. */
  readonly columns?: number | undefined;
}

export interface ShellStreams {
  readonly input: Readable;
  readonly output: ShellOutlet;
  /** Where messages go. */
  readonly errors: ShellOutlet;
  /** What a person types on; needed when interactive. */
  readonly terminal?: Writable;
  /** A person types: prompt, history, time taken, at most .limit rows. */
  readonly interactive: boolean;
  /** Where the lines typed are kept. */
  readonly historyFile?: string;
}

/** `$XDG_STATE_HOME/quiesce/history`, or below ~/.local/state. */
export function defaultHistoryFile(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'quiesce', 'history');
}

/**
 * Runs until the input ends or .quit.
 * @returns whether every statement was answered
 * @throws StoreError when the store cannot be opened
 */
export async function runQueryShell(path: string, format: RowFormat, streams: ShellStreams): Promise<boolean> {
  const runner = streams.interactive ? openStatementRunner(path) : new InlineRunner(path);
  return new QueryShell(runner, format, streams).run(path);
}

class QueryShell {
  readonly #runner: StatementRunner;
  readonly #streams: ShellStreams;
  readonly #lines: Interface;
  #format: RowFormat;
  #limit = DEFAULT_LIMIT;
  #pending = '';
  #running = false;
  #failed = false;

  constructor(runner: StatementRunner, format: RowFormat, streams: ShellStreams) {
    this.#runner = runner;
    this.#format = format;
    this.#streams = streams;
    this.#lines = createInterface({
      input: streams.input,
      ...(streams.interactive && {
        output: streams.terminal ?? process.stdout,
        terminal: true,
        history: this.#readHistory(),
        historySize: HISTORY_LINES,
        removeHistoryDuplicates: true,
        prompt: PROMPT,
      }),
    });
  }

  async run(path: string): Promise<boolean> {
    const lines = this.#lines;
    if (this.#streams.interactive) {
      this.#say(`${path}, read-only. .help for help, .queries for the query library.`);
      lines.on('SIGINT', () => this.#interrupt());
      lines.prompt();
    }
    try {
      for await (const line of lines) {
        if (!(await this.#line(line))) break;
        if (this.#streams.interactive) this.#prompt();
      }
      // The last statement of a file may lack its semicolon.
      if (!this.#streams.interactive && this.#pending.trim() !== '') await this.#statement(`${this.#pending}\n;`);
    } finally {
      lines.close();
      this.#runner.close();
      this.#keepHistory();
    }
    return !this.#failed;
  }

  #prompt(): void {
    this.#lines.setPrompt(this.#pending === '' ? PROMPT : CONTINUED);
    this.#lines.prompt();
  }

  #interrupt(): void {
    if (this.#running) {
      this.#runner.stop();
      return;
    }
    this.#pending = '';
    this.#streams.output.write(this.#lines.line === '' ? '\n(.quit or Ctrl-D leaves)\n' : '\n');
    // Clears what was typed.
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#prompt();
  }

  /** @returns false when the shell is to end */
  async #line(line: string): Promise<boolean> {
    if (this.#pending === '') {
      const command = parseDotCommand(line);
      if (command) return this.#command(command.name, command.args);
    }
    const { statements, rest } = splitStatements(`${this.#pending}${line}\n`);
    this.#pending = rest;
    for (const statement of statements) await this.#statement(statement);
    return true;
  }

  async #command(name: string, args: readonly string[]): Promise<boolean> {
    switch (name) {
      case 'quit':
      case 'exit':
      case 'q':
        return false;
      case 'help':
        this.#write(HELP);
        return true;
      case 'tables':
        await this.#tables(args[0] ?? '');
        return true;
      case 'schema':
        await this.#schema(args[0]);
        return true;
      case 'queries':
        this.#write(queryListText(namedQueries()));
        return true;
      case 'describe':
        this.#guarded(() => this.#write(queryDescription(namedQuery(args[0] ?? ''))));
        return true;
      case 'named':
        await this.#guarded(() =>
          this.#answer({ kind: 'named', name: args[0] ?? '', args: namedArguments(args.slice(1)) }),
        );
        return true;
      case 'format': {
        const format = ROW_FORMATS.find((known) => known === args[0]);
        if (format) this.#format = format;
        else this.#complain(`formats: ${ROW_FORMATS.join(', ')}; now ${this.#format}`);
        return true;
      }
      case 'limit': {
        const limit = Number(args[0]);
        if (Number.isSafeInteger(limit) && limit > 0) this.#limit = limit;
        else this.#complain(`.limit: a number of rows expected; now ${this.#limit}`);
        return true;
      }
      default:
        this.#complain(`.${name}: no such command; .help lists them`);
        return true;
    }
  }

  async #tables(text: string): Promise<void> {
    const sql = `SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT GLOB '_*' AND instr(name, '${quoted(text)}') ORDER BY name`;
    await this.#guarded(async () => {
      const { rows } = await this.#fetch({ kind: 'sql', sql });
      const names = rows.map(([name]) => String(name));
      const width = Math.max(0, ...names.map((name) => name.length)) + 2;
      const perLine = Math.max(1, Math.floor(this.#columns / width));
      const lines: string[] = [];
      for (let i = 0; i < names.length; i += perLine)
        lines.push(
          names
            .slice(i, i + perLine)
            .map((name) => name.padEnd(width))
            .join('')
            .trimEnd(),
        );
      this.#write(lines.length > 0 ? `${lines.join('\n')}\n` : '');
    });
  }

  async #schema(name: string | undefined): Promise<void> {
    const which = name === undefined ? "name NOT GLOB '_*'" : `name = '${quoted(name)}'`;
    const sql = `SELECT sql FROM sqlite_master WHERE type IN ('table', 'view') AND ${which} ORDER BY name`;
    await this.#guarded(async () => {
      const { rows } = await this.#fetch({ kind: 'sql', sql });
      if (rows.length === 0) throw new SqlError(`no table or view is named '${name}'; .tables lists them`);
      this.#write(rows.map(([text]) => `${withoutGuards(String(text))};\n`).join('\n'));
    });
  }

  async #statement(sql: string): Promise<void> {
    await this.#guarded(() => this.#answer({ kind: 'sql', sql }));
  }

  async #answer(task: ShellTask): Promise<void> {
    const { interactive } = this.#streams;
    if (!interactive && this.#runner instanceof InlineRunner) {
      const { columns, rows } = this.#runner.stream(task);
      for (const text of rowsText(columns, rows, this.#format)) this.#write(text);
      return;
    }
    const startedMs = performance.now();
    const { columns, rows, more } = await this.#fetch(task, this.#limit);
    if (this.#format === 'table') this.#write(fittedTable(columns, rows, this.#columns));
    else for (const text of rowsText(columns, rows, this.#format)) this.#write(text);
    const taken = formatDuration((performance.now() - startedMs) * 1e6);
    this.#say(`${plural(rows.length, 'row')}${more ? ` and more (.limit ${this.#limit})` : ''}, ${taken}`);
  }

  async #fetch(task: ShellTask, limit: number = Number.POSITIVE_INFINITY): ReturnType<StatementRunner['run']> {
    this.#running = true;
    try {
      return await this.#runner.run(task, limit);
    } finally {
      this.#running = false;
    }
  }

  /** Wrong statements are reported and forgotten; everything else ends the shell. */
  async #guarded(action: () => void | Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof StatementStopped) this.#say('stopped');
      else if (error instanceof SqlError) this.#complain(error.message);
      else throw error;
    }
  }

  get #columns(): number {
    // Some terminals do not know their width and say 0.
    return this.#streams.output.columns || DEFAULT_COLUMNS;
  }

  #write(text: string): void {
    this.#streams.output.write(inert(text));
  }

  #say(line: string): void {
    this.#streams.errors.write(`${inert(printable(line))}\n`);
  }

  #complain(line: string): void {
    this.#failed = true;
    this.#say(line);
  }

  #readHistory(): string[] {
    try {
      const lines = readFileSync(this.#streams.historyFile ?? '', 'utf8')
        .split('\n')
        .filter(Boolean);
      return lines.slice(-HISTORY_LINES).reverse();
    } catch {
      return [];
    }
  }

  /** Newest last. A history that cannot be kept is no reason to complain. */
  #keepHistory(): void {
    const { historyFile, interactive } = this.#streams;
    if (!interactive || historyFile === undefined) return;
    try {
      const { history } = this.#lines as Interface & { history: string[] };
      mkdirSync(dirname(historyFile), { recursive: true });
      writeFileSync(historyFile, `${[...history].reverse().join('\n')}\n`, { mode: 0o600 });
    } catch {
      // A read-only home.
    }
  }
}

function quoted(text: string): string {
  return text.replaceAll("'", "''");
}

/** @throws SqlError when an argument is not name=value */
function namedArguments(args: readonly string[]): QueryArguments {
  return Object.fromEntries(
    args.map((arg) => {
      const at = arg.indexOf('=');
      if (at < 1) throw new SqlError(`${arg}: name=value expected`);
      return [arg.slice(0, at), arg.slice(at + 1)];
    }),
  );
}
