/** What can go wrong with a store file, in words that say what to do. */
import { QuiesceError } from '../../schema/index.ts';

/**
 * The store cannot be opened, read or written. The command line prints `message` as one line and ends with status 4.
 */
export class StoreError extends QuiesceError {
  override readonly name = 'StoreError';
}

const REASONS: readonly (readonly [code: string, reason: string])[] = [
  ['SQLITE_BUSY', 'is locked by another process; try again when it has finished'],
  ['SQLITE_LOCKED', 'is locked by another process; try again when it has finished'],
  ['SQLITE_FULL', 'disk full; nothing was stored'],
  ['SQLITE_NOTADB', 'is not a quiesce store (no SQLite file)'],
  ['SQLITE_CORRUPT', 'is damaged; ingest the captures again into a new file'],
  ['SQLITE_READONLY', 'cannot be written; check the permissions of the file and of its folder'],
  ['SQLITE_CANTOPEN', 'cannot be opened; check that its folder exists and may be written'],
  ['SQLITE_PERM', 'permission denied'],
  ['SQLITE_TOOBIG', 'a text of the capture is larger than SQLite can hold'],
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
  const reason = REASONS.find(([prefix]) => code.startsWith(prefix))?.[1];
  return new StoreError(
    `${path}: ${reason ?? error.message}${reason && code.startsWith('SQLITE_IOERR') ? ` (${error.message})` : ''}`,
  );
}
