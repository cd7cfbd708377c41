/**
 * A fleet at size: synthetic runs, made from those of the samples or of stores that are named, pushed to a lake and to a cluster of two
 * ClickHouse shards on loopback; then every named report, opened anew each time. Growth: the same with half of the runs. CPU time, that of
 * the servers included, is the figure to compare by on a busy machine.
 *
 *   npx tsx bench/fleet.ts [--runs 10000] [--days 90] [--only lake|clickhouse] [store.db …]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FLEET_TABLE_NAMES, type FleetRun } from '../schema/index.ts';
import { collectRuns } from '../src/fleet/collect.ts';
import { openSink, openSource } from '../src/fleet/open.ts';
import { FLEET_REPORTS, runFleetReport } from '../src/fleet/reports/index.ts';
import type { FleetSink, FleetSource } from '../src/fleet/sink.ts';
import { CREDENTIALS, openCluster } from '../test/fleet/cluster/back-ends.ts';
import { clickHouseRoot } from '../test/fleet/cluster/cluster.ts';
import { buildStore } from '../test/support/sample-store.ts';
import { syntheticRuns } from '../test/support/synthetic-fleet.ts';

const SAMPLES = [
  'nmi-storm',
  'healthy',
  'lock-cycle',
  'lock-cycle-fixed',
  'preempted-reader',
  'srcu-deadlock',
  'wait-context-rt',
];
const BATCH = 500;
const REPEATS = 5;
/** A tick of /proc/PID/stat. */
const TICK_MS = 10;
const SCOPE = { since: '2026-01-01' };

/** Processes whose time counts too. */
let servers: readonly number[] = [];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '10000' },
    days: { type: 'string', default: '90' },
    only: { type: 'string' },
  },
});
const plan = { runs: Number(values.runs), days: Number(values.days), lastDay: '2026-11-30', hosts: 500, kernels: 12 };
const folder = mkdtempSync(join(tmpdir(), 'quiesce-fleet-'));
try {
  const stores =
    positionals.length > 0
      ? positionals
      : [
          await buildStore(
            join(folder, 'real.db'),
            SAMPLES.map((name) => `${name}.trace.txt.zst`),
          ),
        ];
  const real = stores.flatMap((path) => [...collectRuns(path)]);
  describeRuns(real);
  if (values.only !== 'clickhouse') await benchLake(real);
  if (values.only !== 'lake') await benchCluster(real);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function describeRuns(real: readonly FleetRun[]): void {
  const rows = FLEET_TABLE_NAMES.map(
    (name) => `${name} ${Math.round(real.reduce((sum, run) => sum + run.rows[name].length, 0) / real.length)}`,
  );
  console.log(
    `${plan.runs} runs over ${plan.days} days from ${real.length} real ones; rows of a run: ${rows.join(', ')}`,
  );
}

async function benchLake(real: readonly FleetRun[]): Promise<void> {
  const to = join(folder, 'lake');
  await benchBackEnd(
    'lake',
    real,
    () => openSink(to, {}),
    () => openSource(to, SCOPE, {}),
    () => sizeOf(to),
  );
}

async function benchCluster(real: readonly FleetRun[]): Promise<void> {
  const root = clickHouseRoot();
  if (root === undefined) {
    console.log('clickhouse: skipped, no clickhouse-server (QUIESCE_CLICKHOUSE)');
    return;
  }
  const cluster = await openCluster(root);
  try {
    servers = cluster.pids;
    const address = (): Promise<FleetSource> => openSource(cluster.to, SCOPE, CREDENTIALS);
    await benchBackEnd(
      'clickhouse',
      real,
      cluster.sink,
      address,
      () =>
        sizeOf(join(cluster.folder, 'shard-1', 'data', 'fleet')) +
        sizeOf(join(cluster.folder, 'shard-2', 'data', 'fleet')),
    );
  } finally {
    await cluster.stop();
  }
}

async function benchBackEnd(
  name: string,
  real: readonly FleetRun[],
  openTarget: () => Promise<FleetSink>,
  openReports: () => Promise<FleetSource>,
  size: () => number,
): Promise<void> {
  let batch: FleetRun[] = [];
  let pushed = 0;
  let pushMs = 0;
  let pushCpuMs = 0;
  const sink = await openTarget();
  const send = async (): Promise<void> => {
    const [start, cpu] = [performance.now(), cpuMs()];
    await sink.push(batch);
    pushMs += performance.now() - start;
    pushCpuMs += cpuMs() - cpu;
    pushed += batch.length;
    batch = [];
    if (pushed === plan.runs / 2 || pushed === plan.runs) {
      console.log(
        `${name}: ${pushed} runs pushed in ${(pushMs / 1000).toFixed(1)} s (CPU ${(pushCpuMs / 1000).toFixed(1)} s), ${(size() / 2 ** 20).toFixed(1)} MiB, ${Math.round(size() / pushed)} bytes a run`,
      );
      await timeReports(name, openReports);
    }
  };
  for (const run of syntheticRuns(real, plan)) {
    batch.push(run);
    if (batch.length === BATCH) await send();
  }
  if (batch.length > 0) await send();
  const again = performance.now();
  const [first] = syntheticRuns(real, { ...plan, runs: plan.runs });
  await sink.push([first]);
  console.log(`${name}: a run that is there already: ${Math.round(performance.now() - again)} ms`);
  await sink.close();
}

async function timeReports(name: string, openReports: () => Promise<FleetSource>): Promise<void> {
  for (const report of FLEET_REPORTS) {
    const times: number[] = [];
    const cpus: number[] = [];
    let rows = 0;
    for (let i = 0; i < REPEATS; i++) {
      const [start, cpu] = [performance.now(), cpuMs()];
      const source = await openReports();
      const result = await runFleetReport(source, report.name, SCOPE, {
        base: [{ key: 'kernel', value: '6.12.2' }],
        head: [{ key: 'kernel', value: '6.12.3' }],
      });
      await source.close();
      rows = result.rows.length;
      times.push(performance.now() - start);
      cpus.push(cpuMs() - cpu);
    }
    console.log(
      `${name}: ${report.name.padEnd(14)} ${rows} rows, median ${median(times)} ms, fastest ${Math.round(Math.min(...times))} ms, CPU ${median(cpus)} ms`,
    );
  }
}

function median(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[values.length >> 1]);
}

/** CPU time of this process and of the servers, ms. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return servers.reduce(
    (sum, pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    },
    (user + system) / 1000,
  );
}

function sizeOf(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
