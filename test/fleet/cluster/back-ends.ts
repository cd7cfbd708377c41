/** The back ends of a fleet, each started for a test. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { clickHouseSink, clickHouseSource } from '../../../src/fleet/clickhouse/sink.ts';
import { applySchema, openSink, openSource } from '../../../src/fleet/open.ts';
import type { FleetSink, FleetSource } from '../../../src/fleet/sink.ts';
import { chdbFolder, openChdb } from './chdb.ts';
import { CLUSTER, clickHouseRoot, startCluster, WRITER } from './cluster.ts';

export interface StartedBackEnd {
  sink(): Promise<FleetSink>;
  source(): Promise<FleetSource>;
  stop(): Promise<void>;
}

export interface StartedCluster extends StartedBackEnd {
  /** Address of the first shard, and those of all. */
  readonly to: string;
  readonly addresses: readonly string[];
  /** As in messages. */
  readonly urls: readonly string[];
  readonly folder: string;
  readonly pids: readonly number[];
  stopShard(shard: number): Promise<void>;
}

export interface BackEnd {
  /** With the reason, where it is skipped. */
  readonly name: string;
  readonly skip: boolean;
  open(folder: string): Promise<StartedBackEnd>;
}

export const CREDENTIALS = { CLICKHOUSE_USER: WRITER.user, CLICKHOUSE_PASSWORD: WRITER.password };

export function fleetBackEnds(): BackEnd[] {
  const root = clickHouseRoot();
  const chdb = chdbFolder();
  return [
    { name: 'a Parquet lake', skip: false, open: openLake },
    {
      name: `a ClickHouse cluster of two shards${root === undefined ? ' (skipped: no clickhouse-server; see QUIESCE_CLICKHOUSE in docs/FLEET.md)' : ''}`,
      skip: root === undefined,
      open: () => openCluster(root as string),
    },
    {
      name: `a current ClickHouse (chDB)${chdb === undefined ? ' (skipped: no chDB; see QUIESCE_CHDB in docs/FLEET.md)' : ''}`,
      skip: chdb === undefined,
      open: (folder) => openModern(chdb as string, folder),
    },
  ];
}

async function openLake(folder: string): Promise<StartedBackEnd> {
  const to = join(mkdtempSync(join(folder, 'lake-')), 'lake');
  return {
    sink: () => openSink(to, {}),
    source: () => openSource(to, {}, {}),
    stop: async () => undefined,
  };
}

async function openModern(chdb: string, folder: string): Promise<StartedBackEnd> {
  const connection = openChdb(chdb, mkdtempSync(join(folder, 'chdb-')));
  return {
    sink: async () => clickHouseSink(connection),
    source: () => clickHouseSource(connection),
    stop: () => connection.close(),
  };
}

/** A cluster with the tables; the address of its first shard. */
export async function openCluster(root: string): Promise<StartedCluster> {
  const cluster = await startCluster(root);
  try {
    const addresses = cluster.urls.map((url) => `${url.replace('http:', 'clickhouse:')}/fleet?cluster=${CLUSTER}`);
    for (const address of addresses) await applySchema(address, CREDENTIALS);
    return {
      to: addresses[0],
      addresses,
      stopShard: cluster.stopShard,
      urls: cluster.urls,
      folder: cluster.folder,
      pids: cluster.pids,
      sink: () => openSink(addresses[0], CREDENTIALS),
      // From the other shard: either can answer.
      source: () => openSource(addresses[1], {}, CREDENTIALS),
      stop: () => cluster.stop(),
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
