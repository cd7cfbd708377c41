/**
 * The SQLite file itself: create, recognise, migrate, open for writing or for reading. Everything else in src/store works on
 * a connection that comes from here.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync, unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { StoreError, storeError } from './store-error.ts';

export type Connection = Database.Database;

/** `application_id` of the file: "QSCE". Tells a store from any other SQLite file. */
const APPLICATION_ID = 0x51534345;

/** How long to wait for another process that writes. */
const BUSY_TIMEOUT_MS = 3000;

/** First bytes of every SQLite file. */
const SQLITE_MAGIC = 'SQLite format 3\0';

/** Whether a file is an SQLite database, judged by its first bytes. False when it cannot be read. */
export function isStoreFile(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(SQLITE_MAGIC.length);
      return readSync(file, head) === head.length && head.toString('latin1') === SQLITE_MAGIC;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

/** Migrations in order: `0001-store.sql` brings a file from version 0 to 1. */
function migrations(): { version: number; sql: string }[] {
  // Beside the sources, or beside dist/ when compiled.
  const folder = ['../../schema/migrations/', '../../../schema/migrations/']
    .map((relative) => fileURLToPath(new URL(relative, import.meta.url)))
    .find((path) => existsSync(path));
  if (folder === undefined) throw new StoreError('schema/migrations is missing from the installation of quiesce');
  return readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ version: Number(name.slice(0, 4)), sql: readFileSync(`${folder}${name}`, 'utf8') }));
}

function pragma(db: Connection, name: string): number {
  return Number(db.pragma(name, { simple: true }));
}

/** Refuses files that are not ours or from the future. Returns the version, 0 for an empty file. */
function versionOf(db: Connection, path: string, newest: number): number {
  const version = pragma(db, 'user_version');
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() as number;
  if (tables === 0) return 0;
  if (pragma(db, 'application_id') !== APPLICATION_ID)
    throw new StoreError(`${path}: is an SQLite file, but not a quiesce store; choose another --db`);
  if (version > newest)
    throw new StoreError(
      `${path}: written by a newer quiesce (store version ${version}, this one knows ${newest}); update quiesce`,
    );
  return version;
}

/** Brings the schema up to date inside the open transaction. */
function migrate(db: Connection, from: number): void {
  for (const { version, sql } of migrations()) {
    if (version <= from) continue;
    db.exec(sql);
    db.pragma(`user_version = ${version}`);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.prepare("INSERT OR REPLACE INTO store_info (key, value) VALUES ('schema', ?)").run(String(version));
  }
}

export interface WritableStore {
  readonly db: Connection;
  /** Ends the transaction and keeps everything written since it was opened. */
  commit(): void;
  /** Undoes everything written since it was opened; removes a file that did not exist before. */
  abort(): void;
}

/**
 * Opens or creates a store with a transaction begun: what is written until `commit` appears whole or not at all. A killed
 * process leaves a rollback journal that SQLite applies when the file is next opened.
 * @param path file, or `:memory:`.
 * @param largeInput choose 64 KiB pages for a new file: a third faster to fill, but every event type takes one.
 * @param busyTimeoutMs how long to wait for another process that writes.
 * @throws StoreError
 */
export function openForWriting(
  path: string,
  largeInput: boolean,
  busyTimeoutMs: number = BUSY_TIMEOUT_MS,
): WritableStore {
  const existed = path !== ':memory:' && existsSync(path) && statSync(path).size > 0;
  let db: Connection | undefined;
  // Whoever holds the lock may be filling a file that looks empty to us: it is not ours to remove.
  let ours = false;
  const abort = (): void => {
    try {
      if (db?.open) {
        if (db.inTransaction) db.exec('ROLLBACK');
        db.close();
      }
    } catch {
      // The rollback of a failed disk fails too; the journal stays and is applied later.
    }
    if (ours && !existed && path !== ':memory:') for (const file of [path, `${path}-journal`]) removeIfThere(file);
  };
  try {
    db = new Database(path, { timeout: busyTimeoutMs });
    if (!existed) db.pragma(`page_size = ${largeInput ? 65536 : 8192}`);
    db.pragma('journal_mode = DELETE');
    db.pragma('synchronous = NORMAL');
    db.pragma('cache_size = -32768');
    // References are right by construction; checking them would cost a lookup per fact.
    db.pragma('foreign_keys = OFF');
    db.pragma('temp_store = MEMORY');
    db.exec('BEGIN IMMEDIATE');
    ours = true;
    const known = migrations();
    const version = versionOf(db, path, known[known.length - 1].version);
    migrate(db, version);
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
        open.close();
      } catch (error) {
        abort();
        throw storeError(path, error);
      }
    },
    abort,
  };
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was never made.
  }
}

/**
 * Opens a store for reading only.
 * @throws StoreError when it is missing, damaged, locked, not a store, or of a newer version.
 */
export function openForReading(path: string): Connection {
  if (!existsSync(path)) throw new StoreError(`${path}: no such file`);
  try {
    return openReadOnly(path);
  } catch (error) {
    // A killed ingest left a journal: only a connection that may write can roll it back.
    const code = (error as { code?: unknown }).code;
    if (code === 'SQLITE_READONLY_ROLLBACK' || code === 'SQLITE_READONLY_RECOVERY' || code === 'SQLITE_CANTOPEN') {
      try {
        const repair = new Database(path, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
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

function openReadOnly(path: string): Connection {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    const known = migrations();
    const newest = known[known.length - 1].version;
    const version = versionOf(db, path, newest);
    if (version === 0) throw new StoreError(`${path}: is empty; ingest a capture first`);
    if (version < newest)
      throw new StoreError(`${path}: is of store version ${version}; any ingest into it brings it to ${newest}`);
    db.pragma('cache_size = -65536');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
