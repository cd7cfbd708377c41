/** The back end that `--to` names: an address of ClickHouse, a store, or the folder of a lake. */
import { isStoreFile } from '../store/store-file.ts';
import { connectClickHouse } from './clickhouse/connection.ts';
import { DEFAULT_RETRIES } from './clickhouse/retry.ts';
import { clickHouseSink, clickHouseSource } from './clickhouse/sink.ts';
import { clickHouseSchema } from './clickhouse/tables.ts';
import { isClickHouseUrl, parseClickHouseUrl } from './clickhouse/url.ts';
import { openLakeSink } from './lake/sink.ts';
import { openLakeSource } from './lake/source.ts';
import { type DaySpan, FleetRequestError, type FleetSink, type FleetSource } from './sink.ts';
import { openStoreSource } from './store-source.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws FleetError, FleetRequestError */
export async function openSink(to: string, env: Environment): Promise<FleetSink> {
  if (isClickHouseUrl(to)) return clickHouseSink(await connectClickHouse(parseClickHouseUrl(to, env), DEFAULT_RETRIES));
  refuseOthers(to);
  if (isStoreFile(to))
    throw new FleetRequestError(`${to}: is a store; quiesce runs merge puts runs of stores together`);
  return openLakeSink(to);
}

/** @throws FleetError, FleetRequestError, StoreError */
export async function openSource(to: string, span: DaySpan, env: Environment): Promise<FleetSource> {
  if (isClickHouseUrl(to))
    return clickHouseSource(await connectClickHouse(parseClickHouseUrl(to, env), DEFAULT_RETRIES), span);
  refuseOthers(to);
  return isStoreFile(to) ? openStoreSource([to]) : openLakeSource(to, span);
}

/** What looks like an address and is none must not become a folder. */
function refuseOthers(to: string): void {
  if (/^[a-z][a-z+.-]*:\/\//i.test(to))
    throw new FleetRequestError(`'${to}': expected a folder or clickhouse://host:port/database`);
}

/** Makes the tables of ClickHouse on the server that the address names. @throws FleetError, FleetRequestError */
export async function applySchema(to: string, env: Environment): Promise<void> {
  const target = parseClickHouseUrl(to, env);
  // The database may not be there yet.
  const connection = await connectClickHouse({ ...target, database: 'default' }, DEFAULT_RETRIES);
  try {
    for (const statement of clickHouseSchema(target)) await connection.command(statement);
  } finally {
    await connection.close();
  }
}
