/** What can go wrong with a store file, in words that say what to do. */
import { QuiesceError } from '../../schema/index.ts';

/**
 * The store cannot be opened, read or written. The command line prints `message` as one line and ends with status 4.
 */
export class StoreError extends QuiesceError {
  override readonly name: string = 'StoreError';
}

/** Another process writes, or reads what is to be committed: it may be waited for. */
export class StoreLocked extends StoreError {
  override readonly name = 'StoreError';
}

const REASONS: readonly (readonly [code: string, reason: string])[] = [
  ['SQLITE_FULL', 'the disk is full, or the largest file size is reached'],
  ['SQLITE_NOTADB', 'is not a quiesce store (no SQLite file)'],
  ['SQLITE_CORRUPT', 'is damaged; ingest the captures again into a new file'],
  ['SQLITE_READONLY', 'cannot be written; check the permissions of the file and of its folder'],
  ['SQLITE_CANTOPEN', 'cannot be opened; check that its folder exists and may be written'],
  ['SQLITE_PERM', 'permission denied'],
  ['SQLITE_TOOBIG', 'a value is larger than SQLite can hold'],
  ['SQLITE_IOERR', 'the disk reported an error'],
];

/** SQLite's error as a StoreError about the file; any other error is returned as it is. */
export function storeError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error;
  const code = (error as { code?: unknown }).code;
  // better-sqlite3 looks at the folder itself.
  if (error.message.includes('directory does not exist'))
    return new StoreError(`${path}: cannot be created: its folder does not exist`);
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return new StoreLocked(`${path}: is locked by another process; try again when it has finished`);
  const reason = REASONS.find(([prefix]) => code.startsWith(prefix))?.[1];
  return new StoreError(
    `${path}: ${reason ?? error.message}${reason && code.startsWith('SQLITE_IOERR') ? ` (${error.message})` : ''}`,
  );
}

/**
 * What went wrong while a store was read, as a StoreError: its rows were written by quiesce, so that a program error over them means that
 * they are no longer what was written.
 */
export function readError(path: string, error: unknown): unknown {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
    return new StoreError(
      `${path}: is damaged: what it holds contradicts itself (${error.message}); ingest the captures again into a new file`,
      { cause: error },
    );
  return storeError(path, error);
}
