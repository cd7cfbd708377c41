/** `clickhouse://host:8123/database?cluster=name&secure=true`. Credentials come from the environment: a command line is seen by everybody. */
import { FleetRequestError } from '../sink.ts';

export const DEFAULT_DATABASE = 'quiesce';
const PORTS = { http: 8123, https: 8443 };
const PARAMETERS = ['cluster', 'secure', 'timeout'];
const NAME = /^[A-Za-z_]\w*$/;
const DEFAULT_TIMEOUT_S = 60;

export interface ClickHouseTarget {
  /** `https://host:8443`. */
  readonly url: string;
  readonly database: string;
  /** Name in remote_servers: tables are distributed over its shards. */
  readonly cluster?: string;
  readonly user: string;
  readonly password: string;
  readonly timeoutMs: number;
}

export const isClickHouseUrl = (text: string): boolean => text.startsWith('clickhouse://');

/** @param env CLICKHOUSE_USER and CLICKHOUSE_PASSWORD. @throws FleetRequestError */
export function parseClickHouseUrl(text: string, env: Readonly<Record<string, string | undefined>>): ClickHouseTarget {
  const form = 'clickhouse://host:port/database?cluster=name&secure=true';
  // A scheme that URL knows, so that host and port are taken apart.
  const http = text.replace(/^clickhouse:/, 'http:');
  const url = URL.canParse(http) ? new URL(http) : undefined;
  if (url === undefined || url.hostname === '')
    throw new FleetRequestError(`'${text}' is no address; expected ${form}`);
  if (url.username !== '' || url.password !== '')
    throw new FleetRequestError(
      'credentials belong into CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, not into the address',
    );
  for (const key of url.searchParams.keys())
    if (!PARAMETERS.includes(key))
      throw new FleetRequestError(`'${key}' is no parameter of ${form}; it has ${PARAMETERS.join(', ')}`);
  const database = url.pathname.replace(/^\/|\/$/g, '') || DEFAULT_DATABASE;
  const cluster = url.searchParams.get('cluster') ?? undefined;
  for (const name of [database, cluster ?? 'x'])
    if (!NAME.test(name)) throw new FleetRequestError(`'${name}' cannot be a name: letters, digits and _ only`);
  const secure = ['true', '1'].includes(url.searchParams.get('secure') ?? '');
  const timeoutS = Number(url.searchParams.get('timeout') ?? DEFAULT_TIMEOUT_S);
  if (!(timeoutS > 0)) throw new FleetRequestError('timeout is in seconds, above 0');
  const protocol = secure ? 'https' : 'http';
  // The default port of http is not written out by URL.
  const port = url.port || (/:80(?=[/?#]|$)/.test(text) ? '80' : String(PORTS[protocol]));
  return {
    url: `${protocol}://${url.hostname}:${port}`,
    database,
    ...(cluster !== undefined && { cluster }),
    user: env.CLICKHOUSE_USER ?? 'default',
    password: env.CLICKHOUSE_PASSWORD ?? '',
    timeoutMs: timeoutS * 1000,
  };
}
