/**
 * A ClickHouse cluster of two shards on loopback, for tests and measurements: Debian's server, unpacked by fetch.sh, with folders and ports
 * of its own. Environment: QUIESCE_CLICKHOUSE, the folder with the unpacked packages (`/` when they are installed).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export const CLUSTER = 'quiesce_test';
/** May read, insert and create; `reader` may only read. */
export const WRITER = { user: 'writer', password: 'of-the-test' };

const START_MS = 20_000;

/** The folder of the packages; undefined: there are none, and tests of the cluster are skipped. */
export function clickHouseRoot(): string | undefined {
  const root = process.env.QUIESCE_CLICKHOUSE ?? '/';
  return existsSync(join(root, 'usr/sbin/clickhouse-server')) ? root : undefined;
}

export interface Cluster {
  /** HTTP of each shard: `http://127.0.0.1:8123`. */
  readonly urls: readonly string[];
  /** Process ids of the servers. */
  readonly pids: readonly number[];
  /** Has the data of the shards. */
  readonly folder: string;
  /** Ends one shard, to see what happens then. */
  stopShard(shard: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts both servers and waits until they answer. @throws Error with the end of a server's log */
export async function startCluster(
  root: string,
  folder = mkdtempSync(join(tmpdir(), 'quiesce-cluster-')),
): Promise<Cluster> {
  const ports = await freePorts(6);
  const shards = [0, 1].map((shard) => ({ http: ports[shard], tcp: ports[2 + shard], inter: ports[4 + shard] }));
  const servers = shards.map((own, i) => startServer(root, join(folder, `shard-${i + 1}`), own, shards));
  const stopShard = async (shard: number): Promise<void> => {
    const server = servers[shard];
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  };
  const cluster: Cluster = {
    urls: shards.map(({ http }) => `http://127.0.0.1:${http}`),
    pids: servers.flatMap(({ pid }) => pid ?? []),
    folder,
    stopShard,
    async stop() {
      await Promise.all(servers.map((_, shard) => stopShard(shard)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(cluster.urls.map((url, i) => answering(url, servers[i], join(folder, `shard-${i + 1}`))));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

interface Ports {
  readonly http: number;
  readonly tcp: number;
  readonly inter: number;
}

function startServer(root: string, folder: string, own: Ports, shards: readonly Ports[]): ChildProcess {
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  const shard = ({ tcp }: Ports): string =>
    `<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>${tcp}</port><user>${WRITER.user}</user><password>${WRITER.password}</password></replica></shard>`;
  writeFileSync(
    join(folder, 'config.xml'),
    `<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><log>${folder}/server.log</log><errorlog>${folder}/errors.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${own.http}</http_port>
  <tcp_port>${own.tcp}</tcp_port>
  <interserver_http_port>${own.inter}</interserver_http_port>
  <interserver_http_host>127.0.0.1</interserver_http_host>
  <path>${folder}/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <users_config>${folder}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>268435456</mark_cache_size>
  <timezone>UTC</timezone>
  <remote_servers><${CLUSTER}>${shards.map(shard).join('')}</${CLUSTER}></remote_servers>
</yandex>
`,
  );
  const user = (name: string, password: string, profile: string): string =>
    `<${name}><password>${password}</password><networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile><quota>default</quota></${name}>`;
  writeFileSync(
    join(folder, 'users.xml'),
    `<?xml version="1.0"?>
<yandex>
  <profiles><default/><reader><readonly>2</readonly></reader></profiles>
  <quotas><default/></quotas>
  <users>${user(WRITER.user, WRITER.password, 'default')}${user('reader', 'reads', 'reader')}</users>
</yandex>
`,
  );
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((path) => join(root, path)).join(':');
  return spawn(join(root, 'usr/sbin/clickhouse-server'), [`--config-file=${folder}/config.xml`], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries, TZ: 'UTC' },
    stdio: 'ignore',
  });
}

async function answering(url: string, server: ChildProcess, folder: string): Promise<void> {
  for (const end = Date.now() + START_MS; Date.now() < end; ) {
    if (server.exitCode !== null) break;
    const response = await fetch(`${url}/ping`).catch(() => undefined);
    if (response?.ok) return;
    await setTimeout(50);
  }
  const log = join(folder, 'errors.log');
  throw new Error(
    `clickhouse-server does not answer at ${url}: ${existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : 'no log'}`,
  );
}

/** Ports that nobody uses at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
