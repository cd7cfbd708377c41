/**
 * Runs statements for the query shell so that they can be stopped. SQLite works synchronously and this binding of it cannot be
 * interrupted, from no thread: a statement runs in a process of its own, which is killed when the user has waited long enough. The
 * statement is only read, and rows that it makes of pages are one transaction, so nothing can be left half done.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { companionScript, RUNS_COMPILED } from '../../../schema/index.ts';
import { type QueryArguments, runNamedQuery } from '../../query/named-catalog.ts';
import { QueryConnection, SqlError, type SqlRows, type SqlValue } from '../../query/user-sql.ts';
import { StoreError } from '../../store/store-error.ts';

export type ShellTask =
  | { readonly kind: 'sql'; readonly sql: string }
  | { readonly kind: 'named'; readonly name: string; readonly args: QueryArguments };

/** Rows of one answer, as many as were wanted. */
export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** There would be more. */
  readonly more: boolean;
}

export interface StatementRunner {
  /**
   * @param limit most rows to fetch
   * @throws SqlError, StoreError; {@link StatementStopped} after `stop`
   */
  run(task: ShellTask, limit: number): Promise<Answer>;
  /** Ends the statement that runs. */
  stop(): void;
  close(): void;
}

export class StatementStopped extends Error {
  override readonly name = 'StatementStopped';
}

/** Rows of a task, read while they are iterated. @throws SqlError, StoreError */
export function taskRows(connection: QueryConnection, task: ShellTask): SqlRows {
  return task.kind === 'sql' ? connection.query(task.sql) : runNamedQuery(connection, task.name, task.args);
}

/** Runs a task on a connection and fetches up to `limit` rows. */
export function fetchAnswer(connection: QueryConnection, task: ShellTask, limit: number): Answer {
  const { columns, rows } = taskRows(connection, task);
  const fetched: (readonly SqlValue[])[] = [];
  for (const row of rows) {
    if (fetched.length === limit) return { columns, rows: fetched, more: true };
    fetched.push(row);
  }
  return { columns, rows: fetched, more: false };
}

/** In this process: cannot be stopped. For statements from a file, and for code that is not compiled. */
export class InlineRunner implements StatementRunner {
  readonly #connection: QueryConnection;

  /** @throws StoreError */
  constructor(path: string) {
    this.#connection = new QueryConnection(path);
  }

  async run(task: ShellTask, limit: number): Promise<Answer> {
    return fetchAnswer(this.#connection, task, limit);
  }

  /** All rows, without keeping them. */
  stream(task: ShellTask): SqlRows {
    return taskRows(this.#connection, task);
  }

  stop(): void {}

  close(): void {
    this.#connection.close();
  }
}

export interface StatementRequest {
  readonly task: ShellTask;
  readonly limit: number;
}

export type StatementReply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'sql-error' | 'store-error' | 'other-error'; readonly message: string };

/** Errors lose their class on the way between processes. */
const ERRORS = { 'sql-error': SqlError, 'store-error': StoreError, 'other-error': Error } as const;

export class ProcessRunner implements StatementRunner {
  readonly #path: string;
  #child: ChildProcess | undefined;
  #onStop: (() => void) | undefined;

  /** @throws StoreError when the store cannot be opened */
  constructor(path: string) {
    this.#path = path;
    // The process opens it again; opening it here gives the error at once.
    new QueryConnection(path).close();
  }

  run(task: ShellTask, limit: number): Promise<Answer> {
    const child = this.#child ?? this.#start();
    return new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        child.removeAllListeners();
        this.#onStop = undefined;
        action();
      };
      this.#onStop = () => settle(() => reject(new StatementStopped('stopped')));
      child.on('message', (reply: StatementReply) =>
        settle(() => {
          if (reply.kind === 'answer') resolve(reply.answer);
          else reject(new ERRORS[reply.kind](reply.message));
        }),
      );
      child.on('error', (error) => settle(() => reject(error)));
      child.on('exit', (code, signal) => {
        this.#child = undefined;
        settle(() => reject(new Error(`the process that runs statements ended (${signal ?? code})`)));
      });
      child.send({ task, limit } satisfies StatementRequest);
    });
  }

  #start(): ChildProcess {
    this.#child = fork(companionScript('statement-process'), [this.#path], {
      // 64-bit integers and blobs arrive as they are.
      serialization: 'advanced',
      execArgv: [],
    });
    return this.#child;
  }

  stop(): void {
    const stopped = this.#onStop;
    if (stopped === undefined) return;
    stopped();
    this.close();
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** A runner that can be stopped, where there is one. @throws StoreError */
export function openStatementRunner(path: string): StatementRunner {
  return RUNS_COMPILED ? new ProcessRunner(path) : new InlineRunner(path);
}
