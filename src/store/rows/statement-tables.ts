/** Which tables a statement reads, as SQLite itself compiles it: views expanded, what the optimiser leaves out left out. */
import type { Connection } from '../store-file.ts';

interface Opcode {
  readonly opcode: string;
  /** Root page of what is opened. */
  readonly p2: number;
  /** Number of the database: 0 is the file. */
  readonly p3: number;
}

/**
 * Tables of the file, also those of which an index alone is read.
 * @param values of the statement's parameters: SQLite wants them before it explains
 * @returns none for what cannot be explained: the statement itself says then what is wrong with it
 */
export function tablesRead(db: Connection, sql: string, values?: Readonly<Record<string, unknown>>): Set<string> {
  let program: Opcode[];
  try {
    program = db.prepare(`EXPLAIN ${sql}`).all(...(values ? [values] : [])) as Opcode[];
  } catch {
    return new Set();
  }
  const roots = program.flatMap(({ opcode, p2, p3 }) => (opcode === 'OpenRead' && p3 === 0 ? [p2] : []));
  return new Set(
    db
      .prepare('SELECT tbl_name FROM sqlite_master WHERE rootpage IN (SELECT value FROM json_each(?))')
      .pluck()
      .all(JSON.stringify(roots)) as string[],
  );
}
