/** A server that answers over HTTP, by way of ClickHouse's own client. */

import { Readable } from 'node:stream';
import { optionalPackage } from '../optional-package.ts';
import { FleetError, type FleetRow } from '../sink.ts';
import { codeOf, type RetryOptions, withRetries } from './retry.ts';
import type { ClickHouseTarget } from './url.ts';

const CLIENT_PACKAGE = '@clickhouse/client@1.23.1';

/** What the back end needs of a server; chDB offers the same in a test. */
export interface ClickHouseConnection {
  select(sql: string): Promise<readonly FleetRow[]>;
  /** @param again called before the rows are sent once more: nobody knows whether they came the first time */
  insert(
    table: string,
    columns: readonly string[],
    rows: readonly FleetRow[],
    again?: () => Promise<void>,
  ): Promise<void>;
  command(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** @throws FleetError when the client is not installed */
export async function connectClickHouse(
  target: ClickHouseTarget,
  retries: RetryOptions,
): Promise<ClickHouseConnection> {
  const { createClient } = await optionalPackage(
    () => import('@clickhouse/client'),
    CLIENT_PACKAGE,
    'fleets on ClickHouse',
  );
  const client = createClient({
    url: target.url,
    username: target.user,
    password: target.password,
    database: target.database,
    request_timeout: target.timeoutMs,
    application: 'quiesce',
    // 18.16 would take the client's defaults for unknown settings.
    clickhouse_settings: {},
    compression: { request: false, response: false },
    log: { level: 127 },
  });
  const attempt = async <T>(work: () => Promise<T>, onRetry?: () => Promise<void>): Promise<T> => {
    try {
      return await withRetries(work, { ...retries, ...(onRetry && { onRetry }) });
    } catch (error) {
      throw new FleetError(`${target.url}: ${problemOf(error, target)}`);
    }
  };
  return {
    select: (sql) =>
      attempt(async () => {
        const result = await client.query({ query: sql, format: 'JSONCompact' });
        return plainRows((await result.json()) as unknown as CompactAnswer);
      }),
    insert: (table, columns, rows, again) =>
      attempt(async () => {
        await client.insert({
          table,
          columns: columns as [string, ...string[]],
          // Half the size of JSON, of which 18.16 knows no compact form.
          values: Readable.from([tabSeparated(rows)], { objectMode: false }),
          format: 'TabSeparated',
          // The shards have it before the answer comes; else a server that dies takes it along.
          clickhouse_settings: { insert_distributed_sync: 1 } as Record<string, 0 | 1>,
        });
      }, again),
    command: (sql) =>
      attempt(async () => {
        await client.command({ query: sql });
      }),
    close: () => client.close(),
  };
}

/** The server's format JSONCompact. */
export interface CompactAnswer {
  readonly meta?: readonly { readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
}

/** Rows of texts and numbers: 64-bit integers come as text. */
export function plainRows({ meta = [], data }: CompactAnswer): FleetRow[] {
  const numbers = meta.map(({ type }) => /Int|Float/.test(type));
  return data.map((row) => row.map((value, i) => (value === null ? null : numbers[i] ? Number(value) : String(value))));
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' };

/** ClickHouse's TabSeparated. */
export function tabSeparated(rows: readonly FleetRow[]): string {
  const cell = (value: FleetRow[number]): string => {
    if (value === null) return '\\N';
    return String(value).replace(/[\\\t\n\r\0]/g, (char) => ESCAPES[char]);
  };
  return rows.map((row) => `${row.map(cell).join('\t')}\n`).join('');
}

/** One line that says what to do. */
function problemOf(error: unknown, target: ClickHouseTarget): string {
  const { message } = error as { message?: string };
  const code = codeOf(error);
  const text = (message ?? String(error)).split('\n')[0].trim();
  if (code === '60' || code === '81')
    return `${text.slice(0, 200)}; quiesce fleet schema prints the statements that make the tables`;
  if (code === '192' || code === '193' || code === '194' || code === '516')
    return `user ${target.user} is refused; set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD`;
  if (code === '497')
    return `user ${target.user} may not do this; docs/FLEET.md lists the grants: ${text.slice(0, 200)}`;
  if (/^E[A-Z]+/.test(code)) return `cannot be reached (${code})`;
  return text.slice(0, 300);
}
