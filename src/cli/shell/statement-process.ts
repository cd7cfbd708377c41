/** Process of the query shell that runs its statements: one connection, one statement after another, until it is killed. */
import { QueryConnection, SqlError } from '../../query/user-sql.ts';
import { StoreError } from '../../store/store-error.ts';
import { fetchAnswer, type StatementReply, type StatementRequest } from './statement-runner.ts';

const connection = new QueryConnection(process.argv[2]);

// Ctrl-C reaches every process of the terminal; the shell decides what it means.
process.on('SIGINT', () => undefined);
process.on('message', ({ task, limit }: StatementRequest) => {
  process.send?.(reply(task, limit));
});
process.on('disconnect', () => process.exit());

function reply(task: StatementRequest['task'], limit: number): StatementReply {
  try {
    return { kind: 'answer', answer: fetchAnswer(connection, task, limit) };
  } catch (error) {
    const kind = error instanceof SqlError ? 'sql-error' : error instanceof StoreError ? 'store-error' : 'other-error';
    return { kind, message: (error as Error).message };
  }
}
