/** Thousands of runs made from a few real ones: other days, kernels, hosts and jobs, latencies that vary, findings that come and go. */
import { FLEET_TABLES, type FleetRun, type FleetTableName, type FleetValue } from '../../schema/index.ts';
import { SeededRandom } from '../../src/compare/random.ts';
import { labelsText, mondayOf } from '../../src/fleet/collect.ts';
import { bucketHigh, bucketLow } from '../../src/histogram/log-linear.ts';

export interface SyntheticFleet {
  readonly runs: number;
  /** Last day; the runs are spread evenly over `days` days before it. */
  readonly lastDay: string;
  readonly days: number;
  readonly hosts: number;
  readonly kernels: number;
}

const DAY_MS = 24 * 3600 * 1000;
/** Buckets by which a run differs from the next, and a slow host or kernel from the others: 64 double a latency. */
const RUN_SHIFT = 8;
const SLOW_SHIFT = 32;

/** @param real runs of a store; each serves in turn */
export function* syntheticRuns(real: readonly FleetRun[], plan: SyntheticFleet): Generator<FleetRun> {
  const random = new SeededRandom('fleet');
  const last = Date.parse(`${plan.lastDay}T00:00:00Z`);
  for (let i = 0; i < plan.runs; i++) {
    const day = plan.days - 1 - Math.floor((i * plan.days) / plan.runs);
    const at = new Date(last - day * DAY_MS + random.below(86_400) * 1000).toISOString();
    // A kernel lives for a part of the time, and the newest is slower.
    const kernelNo = Math.min(plan.kernels - 1, Math.floor((i * plan.kernels) / plan.runs) + random.below(2));
    const host = random.below(plan.hosts);
    const labels = {
      kernel: `6.12.${kernelNo}`,
      host: `node-${String(host).padStart(4, '0')}`,
      job: `boot-${Math.floor(i / 20)}`,
      commit: (0x10000000 + kernelNo * 7919).toString(16),
    };
    const slow = (kernelNo === plan.kernels - 1 ? SLOW_SHIFT : 0) + (host % 50 === 7 ? SLOW_SHIFT : 0);
    const hash = i.toString(16).padStart(32, '0');
    yield variant(real[i % real.length], hash, at, labels, slow + random.below(2 * RUN_SHIFT) - RUN_SHIFT, random);
  }
}

type Labels = Readonly<Record<'kernel' | 'host' | 'job' | 'commit', string>>;

function variant(
  run: FleetRun,
  hash: string,
  at: string,
  labels: Labels,
  shift: number,
  random: SeededRandom,
): FleetRun {
  const day = at.slice(0, 10);
  const common: Readonly<Record<string, FleetValue>> = {
    run: hash,
    day,
    week: mondayOf(day),
    ingested_at: `${at.slice(0, 19)}Z`,
    kernel: labels.kernel,
    host: labels.host,
    labels: labelsText(labels),
  };
  const rowsOf = (table: FleetTableName, change: (row: Record<string, FleetValue>) => Record<string, FleetValue>) =>
    run.rows[table].map((row) => {
      const names = FLEET_TABLES[table].columns.map(({ name }) => name);
      const changed = change({ ...Object.fromEntries(names.map((name, i) => [name, row[i]])), ...common });
      return names.map((name) => changed[name]);
    });
  const bucket = rowsOf('bucket', (row) => ({ ...row, bucket: shifted(Number(row.bucket), shift) }));
  const finding = rowsOf('finding', (row) => row).filter(() => random.uniform() < 0.3);
  const severities = finding.map(
    (row) => row[FLEET_TABLES.finding.columns.findIndex(({ name }) => name === 'severity')],
  );
  const count = (severity: string): number => severities.filter((one) => one === severity).length;
  return {
    run: hash,
    day,
    name: run.name,
    rows: {
      run: rowsOf('run', (row) => ({ ...row, errors: count('error'), warnings: count('warning') })),
      assessment: rowsOf('assessment', (row) => row),
      finding,
      bucket: merged(bucket),
      histogram: rowsOf('histogram', (row) => ({ ...row, ...momentsOf(row, bucket) })),
      slowest: rowsOf('slowest', (row) => ({ ...row, max_ns: Math.round(Number(row.max_ns) * 2 ** (shift / 64)) })),
    },
  };
}

const shifted = (bucket: number, by: number): number => (bucket < 64 ? bucket : Math.max(64, bucket + by));

const AT = Object.fromEntries(FLEET_TABLES.bucket.columns.map(({ name }, i) => [name, i]));

/** The lowest buckets may have met. */
function merged(rows: FleetValue[][]): FleetValue[][] {
  const byKey = new Map<string, FleetValue[]>();
  for (const row of rows) {
    const key = `${row[AT.metric]} ${row[AT.label]} ${row[AT.bucket]}`;
    const known = byKey.get(key);
    if (known) known[AT.n] = Number(known[AT.n]) + Number(row[AT.n]);
    else byKey.set(key, [...row]);
  }
  return [...byKey.values()];
}

/** What is exact about a histogram, as its buckets would have it. */
function momentsOf(
  { metric, label, n }: Record<string, FleetValue>,
  buckets: FleetValue[][],
): Record<string, FleetValue> {
  const own = buckets.filter((row) => row[AT.metric] === metric && row[AT.label] === label);
  if (Number(n) === 0 || own.length === 0) return {};
  const numbers = own.map((row) => Number(row[AT.bucket]));
  return {
    min_ns: bucketLow(Math.min(...numbers)),
    max_ns: bucketHigh(Math.max(...numbers)),
    sum_ns: own.reduce(
      (sum, row) =>
        sum +
        Math.floor((bucketLow(Number(row[AT.bucket])) + bucketHigh(Number(row[AT.bucket]))) / 2) * Number(row[AT.n]),
      0,
    ),
  };
}
