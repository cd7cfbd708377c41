/** The layout of a store as SQL: version by version in schema/migrations, and as they leave it in schema/layout.sql. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { packageFile } from '../../schema/index.ts';

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** Definition of a table, view or index, as sqlite_master keeps it. */
export interface Definition {
  readonly type: string;
  readonly name: string;
  readonly sql: string | null;
}

let known: readonly Migration[] | undefined;
let layout: string | undefined;
const definitions = new Map<number, readonly Definition[]>();

/** In order: `0001-store.sql` brings a file from version 0 to 1. @throws Error when the installation lacks them */
export function migrations(): readonly Migration[] {
  known ??= readMigrations();
  return known;
}

function readMigrations(): Migration[] {
  const folder = fileURLToPath(packageFile('schema/migrations/'));
  return readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ version: Number(name.slice(0, 4)), sql: readFileSync(`${folder}${name}`, 'utf8') }));
}

/** The version that this quiesce writes. */
export function newestVersion(): number {
  return migrations()[migrations().length - 1].version;
}

/** The layout of the newest version: what all migrations make of an empty file, in a fifth of their time. */
export function newestLayout(): string {
  layout ??= readFileSync(packageFile('schema/layout.sql'), 'utf8');
  return layout;
}

/** What a store of a version defines before its first event, by making one in memory. */
export function definitionsOf(version: number): readonly Definition[] {
  let found = definitions.get(version);
  if (found === undefined) {
    const db = new Database(':memory:');
    try {
      if (version === newestVersion()) db.exec(newestLayout());
      else for (const migration of migrations()) if (migration.version <= version) db.exec(migration.sql);
      found = db.prepare('SELECT type, name, sql FROM sqlite_master').all() as Definition[];
    } finally {
      db.close();
    }
    definitions.set(version, found);
  }
  return found;
}
