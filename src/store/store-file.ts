/**
 * The SQLite file itself: create, recognise, migrate, open for writing or for reading. Everything else in src/store works on
 * a connection that comes from here.
 */
import { closeSync, openSync, readSync, statSync, unlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { fileProblem } from '../../schema/index.ts';
import { migrations, newestLayout, newestVersion } from './migrations.ts';
import { APPLICATION_ID, checkedVersion, checkJournal, lockDown } from './store-door.ts';
import { StoreError, StoreLocked, storeError } from './store-error.ts';

export type Connection = Database.Database;

export type Statement = Database.Statement<unknown[]>;

/** How long a reader waits for a process that writes. */
const READ_TIMEOUT_MS = 3000;
/** A writer asks again after this time, and then after twice as long, up to the longest. */
const RETRY_MS = 10;
const LONGEST_RETRY_MS = 250;

/** First bytes of every SQLite file. */
const SQLITE_MAGIC = 'SQLite format 3\0';

/** Whether a file is an SQLite database, judged by its first bytes. False when it cannot be read, and for pipes: they are read once. */
export function isStoreFile(path: string): boolean {
  try {
    if (!statSync(path).isFile()) return false;
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(SQLITE_MAGIC.length);
      return readSync(file, head, 0, head.length, 0) === head.length && head.toString('latin1') === SQLITE_MAGIC;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

/** Brings the schema up to date inside the open transaction. @param from version of the file, 0: it is empty */
function migrate(db: Connection, from: number): void {
  const newest = newestVersion();
  if (from === newest) return;
  if (from === 0) db.exec(newestLayout());
  else for (const { version, sql } of migrations()) if (version > from) db.exec(sql);
  db.pragma(`user_version = ${newest}`);
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.prepare("INSERT OR REPLACE INTO store_info (key, value) VALUES ('schema', ?)").run(String(newest));
}

export interface WritableStore {
  readonly db: Connection;
  /** Ends the transaction and keeps everything written since it was opened. @throws StoreLocked while somebody reads */
  commit(): void;
  /** Undoes everything written since it was opened; removes a file that this process created and nobody has filled. */
  abort(): void;
}

/** Inode of the file at a path; undefined when there is none that can be reached. */
function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

/** Files that this process created and nothing has been stored in: inode by path. */
const createdHere = new Map<string, bigint>();

/** Creates the file, empty, unless it is there. */
function create(path: string): void {
  try {
    closeSync(openSync(path, 'wx'));
    const inode = inodeOf(path);
    if (inode !== undefined) createdHere.set(path, inode);
  } catch {
    // There, or not to be made: SQLite says why.
  }
}

/**
 * Opens or creates a store with a transaction begun: what is written until `commit` appears whole or not at all. A killed
 * process leaves a rollback journal that SQLite applies when the file is next opened.
 *
 * A file is removed only by the process that created it, only while it is empty, and only under the lock that every writer takes first;
 * a writer that gets the lock of a removed file begins anew.
 * @param path file, or `:memory:`.
 * @param largeInput choose 64 KiB pages for a new file: a third faster to fill, but every event type takes one.
 * @throws StoreError; {@link StoreLocked} when another process writes
 */
export function openForWriting(path: string, largeInput: boolean): WritableStore {
  for (;;) {
    const store = tryWriting(path, largeInput);
    if (store !== undefined) return store;
  }
}

/** Undefined when the file was removed while its lock was taken. */
function tryWriting(path: string, largeInput: boolean): WritableStore | undefined {
  const onDisk = path !== ':memory:';
  if (onDisk) create(path);
  let db: Connection | undefined;
  const abort = (): void => {
    if (db?.open) undo(db, path);
  };
  try {
    if (onDisk) checkJournal(path);
    const before = onDisk ? inodeOf(path) : undefined;
    db = new Database(path, { timeout: 0 });
    lockDown(db);
    // Without effect on a file that has pages already.
    db.pragma(`page_size = ${largeInput ? 65536 : 8192}`);
    db.pragma('journal_mode = DELETE');
    // The removal of the journal is the commit: it must have reached the disk when the run is reported.
    db.pragma('synchronous = EXTRA');
    // Pages are appended: more than a leaf of each table is kept for nothing. 32 MiB were no faster, and 24 MiB more at the peak.
    db.pragma('cache_size = -12288');
    // References are right by construction; checking them would cost a lookup per fact.
    db.pragma('foreign_keys = OFF');
    db.pragma('temp_store = MEMORY');
    db.exec('BEGIN IMMEDIATE');
    if (onDisk && (before === undefined || inodeOf(path) !== before)) {
      db.close();
      return undefined;
    }
    migrate(db, checkedVersion(db, path));
  } catch (error) {
    abort();
    throw storeError(path, error);
  }
  const open = db;
  return {
    db: open,
    commit() {
      try {
        open.exec('COMMIT');
      } catch (error) {
        const known = storeError(path, error);
        // The transaction stands: the caller may wait for the readers and commit again.
        if (!(known instanceof StoreLocked)) abort();
        throw known;
      }
      createdHere.delete(path);
      open.close();
    },
    abort,
  };
}

/** Rolls back and closes; removes the file if it is ours, and still as we made it. */
function undo(db: Connection, path: string): void {
  const own = createdHere.get(path);
  try {
    if (db.inTransaction) db.exec('ROLLBACK');
    if (own !== undefined) {
      db.exec('BEGIN EXCLUSIVE');
      const now = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (now?.ino === own && now.size === 0n) unlinkSync(path);
      createdHere.delete(path);
    }
  } catch {
    // Another writer has it; or the rollback of a failed disk fails too: the journal stays and is applied later.
  }
  try {
    db.close();
  } catch {
    // The same.
  }
}

/** How a writer waits for others. */
export interface WaitOptions {
  /** Longest wait, ms; 0: not at all. Default: as long as it takes. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /** Called once, when the wait begins. */
  readonly onWait?: (path: string) => void;
}

/** Repeats while another process has the store. @throws StoreLocked when it takes longer than wanted, AbortError */
export async function whenUnlocked<T>(path: string, wait: WaitOptions, attempt: () => T): Promise<T> {
  const deadlineMs = performance.now() + (wait.waitMs ?? Number.POSITIVE_INFINITY);
  let told = false;
  for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_RETRY_MS)) {
    wait.signal?.throwIfAborted();
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof StoreLocked) || performance.now() >= deadlineMs) throw error;
    }
    if (!told && pauseMs === LONGEST_RETRY_MS) {
      told = true;
      wait.onWait?.(path);
    }
    await setTimeout(pauseMs);
  }
}

/**
 * Opens a store for reading only. One of an older version is brought up to date first.
 * @throws StoreError when it is missing, damaged, locked, not a store, of a newer version, or of an older one and not to be written
 */
export function openForReading(path: string): Connection {
  try {
    if (!statSync(path).isFile()) throw new StoreError(`${path}: is no file`);
  } catch (error) {
    throw error instanceof StoreError ? error : new StoreError(`${path}: ${fileProblem(error)}`);
  }
  try {
    return openReadOnly(path);
  } catch (error) {
    // A killed ingest left a journal: only a connection that may write can roll it back.
    const code = (error as { code?: unknown }).code;
    if (code === 'SQLITE_READONLY_ROLLBACK' || code === 'SQLITE_READONLY_RECOVERY' || code === 'SQLITE_CANTOPEN') {
      try {
        checkJournal(path);
        const repair = new Database(path, { timeout: READ_TIMEOUT_MS, fileMustExist: true });
        lockDown(repair);
        repair.prepare('SELECT count(*) FROM sqlite_master').get();
        repair.close();
        return openReadOnly(path);
      } catch (second) {
        throw storeError(path, second);
      }
    }
    throw storeError(path, error);
  }
}

/**
 * Opens a store that is there for a statement that SQLite runs in no transaction.
 * @throws StoreError
 */
export function openOutsideTransaction(path: string): Connection {
  checkJournal(path);
  const db = new Database(path, { fileMustExist: true, timeout: 0 });
  try {
    lockDown(db);
    if (versionOf(db, path) === 0) throw new StoreError(`${path}: is empty; ingest a capture first`);
    return db;
  } catch (error) {
    db.close();
    throw storeError(path, error);
  }
}

/** Looked at as a whole: a writer may commit the first run of a new store between two looks. */
function versionOf(db: Connection, path: string): number {
  return db.transaction(() => checkedVersion(db, path))();
}

function openReadOnly(path: string): Connection {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT_MS });
  try {
    lockDown(db);
    const version = versionOf(db, path);
    if (version === 0) throw new StoreError(`${path}: is empty; ingest a capture first`);
    if (version < newestVersion()) {
      db.close();
      bringUpToDate(path, version);
      return openReadOnly(path);
    }
    db.pragma('cache_size = -65536');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function bringUpToDate(path: string, version: number): void {
  try {
    openForWriting(path, false).commit();
  } catch (error) {
    if (error instanceof StoreLocked) throw error;
    const reason = (error as Error).message.replace(`${path}: `, '');
    throw new StoreError(
      `${path}: written by an older quiesce (store version ${version}), and cannot be brought up to date: ${reason}`,
    );
  }
}
