/**
 * The door of a store: nothing is read from a file, or written to it, before it has passed here. A file may be damaged, may be of something
 * else, and may have been made to do harm: it runs nothing (no trigger, no virtual table, no definition other than those that quiesce makes).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { type Definition, definitionsOf, newestVersion } from './migrations.ts';
import { StoreError } from './store-error.ts';

/** `application_id` of the file: "QSCE". Tells a store from any other SQLite file. */
export const APPLICATION_ID = 0x51534345;

/** Last bytes of a journal that names a super-journal (pager.c, readSuperJournal): SQLite would open that file, and may remove it. */
const JOURNAL_MAGIC = Buffer.from('d9d505f920a163d7', 'hex');

/** Switches that no stored definition can undo. */
export function lockDown(db: Database.Database): void {
  db.pragma('trusted_schema = OFF');
  db.pragma('cell_size_check = ON');
  db.pragma('mmap_size = 0');
}

function pragma(db: Database.Database, schema: string, name: string): number {
  return Number(db.pragma(`${schema}.${name}`, { simple: true }));
}

/**
 * Refuses what is not a store, is of a newer version, or defines what no store does.
 * @param schema `main`, or the name under which it is attached
 * @returns its version, 0 for an empty file
 * @throws StoreError
 */
export function checkedVersion(db: Database.Database, path: string, schema = 'main'): number {
  const version = pragma(db, schema, 'user_version');
  const application = pragma(db, schema, 'application_id');
  const found = db.prepare(`SELECT type, name, sql FROM ${schema}.sqlite_master`).all() as Definition[];
  if (found.length === 0 && version === 0 && (application === 0 || application === APPLICATION_ID)) return 0;
  if (application !== APPLICATION_ID)
    throw new StoreError(`${path}: is an SQLite file, but not a quiesce store; choose another --db`);
  const newest = newestVersion();
  if (version > newest)
    throw new StoreError(
      `${path}: written by a newer quiesce (store version ${version}, this one knows ${newest}); update quiesce`,
    );
  if (version < 1) throw new StoreError(`${path}: is damaged: a store without a version; ingest the captures again`);
  checkDefinitions(found, version, path);
  return version;
}

function checkDefinitions(found: readonly Definition[], version: number, path: string): void {
  const refuse = (what: string): never => {
    throw new StoreError(
      `${path}: is damaged, was changed, or comes from another build of quiesce: ${what}; ingest the captures again into a new file`,
    );
  };
  const byName = new Map<unknown, Definition>();
  for (const definition of found) {
    const { type, name, sql } = definition;
    if (typeof name !== 'string') refuse('a table without a name');
    if (type === 'trigger') refuse(`it has a trigger ("${name}")`);
    if (typeof sql === 'string' && /^\s*CREATE\s+VIRTUAL/i.test(sql)) refuse(`it has a virtual table ("${name}")`);
    // The tables of events: plain columns, nothing computed.
    if (type === 'table' && /^_ev_/i.test(name) && !PLAIN_TABLE.test(sql ?? ''))
      refuse(`table "${name}" is not as written`);
    byName.set(name, definition);
  }
  for (const { type, name, sql } of definitionsOf(version)) {
    const definition = byName.get(name);
    if (definition === undefined) refuse(`${type} "${name}" is missing`);
    else if (definition.type !== type || definition.sql !== sql) refuse(`${type} "${name}" is not as written`);
  }
}

/** `CREATE TABLE "_ev_x" (id INTEGER PRIMARY KEY, ts_ns INTEGER, "field" INTEGER, …)`. */
const PLAIN_TABLE = /^CREATE TABLE "(?:[^"]|"")*" \(id INTEGER PRIMARY KEY(?:, (?:"(?:[^"]|"")*"|[a-z_]+) INTEGER)*\)$/;

/**
 * A journal that an interrupted ingest left is rolled back by SQLite. One of ours names no other file.
 * @throws StoreError
 */
export function checkJournal(path: string): void {
  let file: number;
  try {
    file = openSync(`${path}-journal`, 'r');
  } catch {
    return;
  }
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(JOURNAL_MAGIC.length);
    if (size < tail.length || readSync(file, tail, 0, tail.length, size - tail.length) < tail.length) return;
    if (tail.equals(JOURNAL_MAGIC))
      throw new StoreError(
        `${path}: its journal names another file, which quiesce never writes; look at ${path}-journal`,
      );
  } finally {
    closeSync(file);
  }
}
