/** The library of named queries: finds, explains and runs them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../schema/index.ts';
import { nearestNames } from './name-suggestion.ts';
import { type NamedQuery, parseNamedQuery } from './named-query.ts';
import { type QueryConnection, SqlError, type SqlRows, type SqlValue } from './user-sql.ts';

/** Groups in the order in which they are listed. */
export const QUERY_GROUPS: Readonly<Record<string, string>> = {
  overview: 'Overview',
  'grace-periods': 'Grace periods',
  synchronize: 'Waiting for grace periods',
  interrupts: 'Interrupts',
  tasks: 'Tasks',
  locks: 'Locks',
  workqueues: 'Workqueues',
  events: 'Events',
};

/** Values by parameter name, without the colon. What is not given has the default of the query. */
export type QueryArguments = Readonly<Record<string, string | number>>;

let catalog: readonly NamedQuery[] | undefined;

/** All named queries, by group. */
export function namedQueries(): readonly NamedQuery[] {
  catalog ??= readCatalog();
  return catalog;
}

function readCatalog(): NamedQuery[] {
  const folder = fileURLToPath(packageFile('src/query/sql/'));
  return Object.keys(QUERY_GROUPS).flatMap((group) =>
    readdirSync(`${folder}${group}`)
      .filter((file) => file.endsWith('.sql'))
      .sort()
      .map((file) => parseNamedQuery(group, file.slice(0, -4), readFileSync(`${folder}${group}/${file}`, 'utf8'))),
  );
}

/** @throws SqlError with the nearest names when there is no such query */
export function namedQuery(name: string): NamedQuery {
  const query = namedQueries().find((candidate) => candidate.name === name);
  if (query) return query;
  const near = nearestNames(
    name,
    namedQueries().map((candidate) => candidate.name),
  );
  const hint = near.length > 0 ? ` (did you mean ${near.join(', ')}?)` : '; --list shows them';
  throw new SqlError(`no query is named '${name}'${hint}`);
}

/**
 * Runs a query of the library.
 * @throws SqlError when the name or an argument is wrong, or the store lacks events that the query reads
 * @throws StoreError
 */
export function runNamedQuery(connection: QueryConnection, name: string, args: QueryArguments = {}): SqlRows {
  const query = namedQuery(name);
  const values = boundValues(query, args);
  const missing = query.needs.filter((view) => !connection.hasRelation(view));
  if (missing.length > 0)
    throw new SqlError(
      `${query.name} reads ${query.needs.join(', ')}: no run of this store has recorded ${missing.join(', ')}`,
    );
  return connection.query(query.sql, values);
}

/** Every parameter of the query with its value, NULL for those not given. @throws SqlError */
function boundValues(query: NamedQuery, args: QueryArguments): Record<string, SqlValue> {
  const known = query.parameters.map((parameter) => parameter.name);
  for (const name of Object.keys(args))
    if (!known.includes(name))
      throw new SqlError(
        `${query.name} has no parameter '${name}'; ${known.length > 0 ? `it has ${known.join(', ')}` : 'it takes none'}`,
      );
  return Object.fromEntries(
    query.parameters.map(({ name, type }) => {
      const value = args[name];
      if (value === undefined) return [name, null];
      if (type === 'text') return [name, String(value)];
      const number = typeof value === 'number' ? value : value.trim() === '' ? Number.NaN : Number(value);
      if (!Number.isFinite(number)) throw new SqlError(`${query.name}: ${name}=${value}: a number expected`);
      // Whole numbers are bound as such: a LIMIT of 20.0 is an error.
      return [name, Number.isSafeInteger(number) ? BigInt(number) : number];
    }),
  );
}
