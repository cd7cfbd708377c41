/**
 * A view whose rows are still in pages has its columns, and fails when it is read, in whichever program: SQLite evaluates a condition that
 * depends on no table before it opens one, and json_extract (in SQLite since 3.9, for all builds since 3.38) quotes a path that is none in
 * its error. So DuckDB and `PRAGMA table_info` see the view as it will be, and nobody takes an empty table for an answer.
 */

const MESSAGE_END = 'are still in pages: run quiesce rows FILE';

/** What is appended to the SELECT of a view. @param view name that needs no quoting (identifiers.ts, plainName) */
export function guard(view: string): string {
  return ` WHERE json_extract('{}', 'rows of ${view} ${MESSAGE_END}')`;
}

const GUARDS = / WHERE json_extract\('\{\}', 'rows of (\w+) are still in pages: run quiesce rows FILE'\)/g;

/** The definition of a view as it is once the rows are there. */
export function withoutGuards(definition: string): string {
  return definition.replaceAll(GUARDS, '');
}

/** Whether a definition has guards. */
export function isGuarded(definition: string): boolean {
  return definition.includes(MESSAGE_END);
}
