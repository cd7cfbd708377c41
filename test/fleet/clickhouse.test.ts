/** A cluster of two shards: what is interrupted, sent twice, refused or gone. Skipped by name without a server (docs/FLEET.md). */
import { createServer, request, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClickHouseConnection, connectClickHouse } from '../../src/fleet/clickhouse/connection.ts';
import { clickHouseSink, clickHouseSource } from '../../src/fleet/clickhouse/sink.ts';
import { parseClickHouseUrl } from '../../src/fleet/clickhouse/url.ts';
import { openSink, openSource } from '../../src/fleet/open.ts';
import { runFleetReport } from '../../src/fleet/reports/index.ts';
import type { FleetSource } from '../../src/fleet/sink.ts';
import { openRunsSource } from '../../src/fleet/store-source.ts';
import { memoryConnection } from '../support/memory-connection.ts';
import { plainRun } from '../support/plain-run.ts';
import { CREDENTIALS, openCluster, type StartedCluster } from './cluster/back-ends.ts';
import { CLUSTER, clickHouseRoot } from './cluster/cluster.ts';

const root = clickHouseRoot();
const FAST = { attempts: 3, firstPauseMs: 5 };

describe.skipIf(root === undefined)('ClickHouse in two shards (skipped without clickhouse-server)', () => {
  let cluster: StartedCluster;
  beforeAll(async () => {
    cluster = await openCluster(root as string);
  });
  afterAll(() => cluster.stop());

  const connect = (to = cluster.to): Promise<ClickHouseConnection> =>
    connectClickHouse(parseClickHouseUrl(to, CREDENTIALS), FAST);
  const runs = (from: number, count: number, day = '2026-11-03') =>
    Array.from({ length: count }, (_, i) =>
      plainRun({ run: (from + i).toString(16).padStart(32, '0'), day, host: `h${i}` }),
    );

  async function counts(source: FleetSource): Promise<unknown> {
    const of = async (name: string) => (await runFleetReport(source, name)).rows.map((row) => row.slice(0, 9));
    const found = { days: await of('days'), latencies: await of('grace-periods'), findings: await of('findings') };
    await source.close();
    return found;
  }
  const now = async (): Promise<unknown> => counts(await clickHouseSource(await connect()));

  it('keeps the rows of a run on one shard, and uses both', async () => {
    const sink = clickHouseSink(await connect());
    expect(await sink.push(runs(0, 20))).toEqual({ pushed: 20, known: 0 });
    await sink.close();
    const shards: Set<string>[] = [];
    for (const url of cluster.addresses) {
      const connection = await connect(url);
      const [own, others] = [
        await connection.select('SELECT DISTINCT run FROM run_local'),
        await connection.select('SELECT DISTINCT run FROM bucket_local'),
      ];
      expect(new Set(others.map(String))).toEqual(new Set(own.map(String)));
      shards.push(new Set(own.map(String)));
      await connection.close();
    }
    expect(shards[0].size + shards[1].size).toBe(20);
    expect(Math.min(shards[0].size, shards[1].size)).toBeGreaterThan(0);
  });

  it('does not count a run whose push was interrupted, and counts it once when it is pushed again', async () => {
    const before = await now();
    for (const table of ['finding', 'bucket', 'run']) {
      const connection = await connect();
      const insert: ClickHouseConnection['insert'] = async (name, columns, rows, again) => {
        if (name === table) throw new Error('killed');
        await connection.insert(name, columns, rows, again);
      };
      await expect(clickHouseSink({ ...connection, insert }).push(runs(100, 4))).rejects.toThrow('killed');
      await connection.close();
      expect(await now(), table).toEqual(before);
    }
    const sink = clickHouseSink(await connect());
    expect(await sink.push(runs(100, 4))).toEqual({ pushed: 4, known: 0 });
    await sink.close();
    const expected = await expectedOf([...runs(0, 20), ...runs(100, 4)]);
    expect(await now()).toEqual(expected);
  });

  it('counts rows once when an answer got lost and they were sent again', async () => {
    const proxy = await losingProxy(cluster.addresses[0], 3);
    try {
      const sink = clickHouseSink(await connect(proxy.address));
      expect(await sink.push(runs(200, 5, '2026-11-12'))).toEqual({ pushed: 5, known: 0 });
      await sink.close();
      expect(proxy.lost()).toBe(3);
      const connection = await connect();
      // They are there twice until ClickHouse merges them.
      const [[attempts]] = await connection.select(
        "SELECT count(DISTINCT attempt) AS n FROM attempt WHERE day = '2026-11-12'",
      );
      expect(attempts).toBeGreaterThan(1);
      await connection.close();
      expect(await now()).toEqual(await expectedOf([...runs(0, 20), ...runs(100, 4), ...runs(200, 5, '2026-11-12')]));
    } finally {
      proxy.server.close();
    }
  });

  it('says who may not push, and which password is wrong', async () => {
    const reader = { CLICKHOUSE_USER: 'reader', CLICKHOUSE_PASSWORD: 'reads' };
    const source = await openSource(cluster.to, {}, reader);
    expect((await runFleetReport(source, 'days')).rows).toHaveLength(2);
    await source.close();
    const sink = await openSink(cluster.to, reader);
    await expect(sink.push(runs(300, 1))).rejects.toThrow(/user reader may not do this|readonly/);
    await sink.close();
    await expect(
      openSource(cluster.to, {}, { CLICKHOUSE_USER: 'reader', CLICKHOUSE_PASSWORD: 'wrong' }),
    ).rejects.toThrow('user reader is refused; set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD');
    await expect(openSource(cluster.to.replace('/fleet?', '/other?'), {}, CREDENTIALS)).rejects.toThrow(
      'quiesce fleet schema prints the statements',
    );
  });

  it('fails, and does not answer from one half, when a shard is gone', { timeout: 120_000 }, async () => {
    await cluster.stopShard(1);
    await expect(now()).rejects.toThrow(cluster.urls[0]);
    const sink = clickHouseSink(await connect());
    await expect(sink.push(runs(400, 20))).rejects.toThrow(cluster.urls[0]);
    await sink.close();
    await expect(connect(cluster.addresses[1]).then((gone) => gone.select('SELECT 1'))).rejects.toThrow(
      'cannot be reached',
    );
  });

  /** What SQLite says about the same runs. */
  function expectedOf(all: ReturnType<typeof runs>): Promise<unknown> {
    return counts(openRunsSource(memoryConnection(), all));
  }

  /** Forwards to a server, and hangs up instead of answering the first INSERTs: they were done all the same. */
  async function losingProxy(
    address: string,
    losses: number,
  ): Promise<{ address: string; server: Server; lost: () => number }> {
    const target = new URL(address.replace('clickhouse:', 'http:'));
    let lost = 0;
    let inserts = 0;
    const server = createServer((incoming, answer) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { headers, method, url } = incoming;
        const forward = request(
          { host: target.hostname, port: target.port, method, path: url, headers },
          (response) => {
            const insert = /INSERT/.test(decodeURIComponent(url ?? ''));
            // Every other one: the repetition comes through.
            if (insert && inserts++ % 2 === 0 && lost < losses) {
              lost++;
              response.resume();
              response.on('end', () => answer.socket?.destroy());
              return;
            }
            answer.writeHead(response.statusCode ?? 500, response.headers);
            response.pipe(answer);
          },
        );
        forward.end(Buffer.concat(chunks));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    return { address: `clickhouse://127.0.0.1:${port}/fleet?cluster=${CLUSTER}`, server, lost: () => lost };
  }
});
