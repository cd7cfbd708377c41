/** Latencies of two sets of runs, told apart by labels, with the statistics of `quiesce compare`. */
import type { FleetValue } from '../../../schema/index.ts';
import { compareRuns } from '../../compare/compare-runs.ts';
import { RUNS_AS_BLOCKS } from '../../compare/metric-verdict.ts';
import type { RecordedMetric, RunRecord } from '../../compare/run-record.ts';
import { type Label, labelsName, oneOf, type Scope, where } from '../scope.ts';
import { FleetRequestError, type FleetSource } from '../sink.ts';
import { column, type FleetReport } from './report.ts';

/** Latencies of grace periods and of those who wait for them. */
const COMPARED = [
  'rcu-gp',
  'rcu-gp-expedited',
  'synchronize-rcu',
  'srcu-gp',
  'synchronize-srcu',
  'rcu-barrier',
  'call-rcu',
];

/** Runs of a side, unless asked otherwise. */
const NEWEST = 50;

/** A text capture has its times in µs. */
const COARSE_NS = 1000;

export const REGRESSIONS_REPORT: FleetReport = {
  name: 'regressions',
  title: 'latencies of runs with one label against those with another, with the statistics of quiesce compare',
  limit: 1000,
  columns: [
    column('metric', 'text', 'latency'),
    column('verdict', 'text', 'regressed, improved, same or too-few'),
    column('statistic', 'text', 'what the verdict rests on: p50, the tail (p90 to p99) or the mean'),
    column('ratio', 'ratio', 'head ÷ base'),
    column('ci_low', 'ratio', '95 % interval of the ratio, from'),
    column('ci_high', 'ratio', 'to'),
    column('p_value', 'ratio', 'corrected for all tests (Holm)'),
    column('base_runs', 'count', 'runs of the base that have any'),
    column('base_n', 'count', 'intervals in them'),
    column('base_p50_ns', 'duration', 'median of the base'),
    column('base_p99_ns', 'duration', '99 % are shorter'),
    column('head_runs', 'count', 'the same of the head'),
    column('head_n', 'count', ''),
    column('head_p50_ns', 'duration', ''),
    column('head_p99_ns', 'duration', ''),
  ],
  async rows(source, scope, { metrics = COMPARED, base, head, newest = NEWEST, threshold, alpha }) {
    if (base === undefined || head === undefined)
      throw new FleetRequestError('regressions compares two labels; give --base key=value and --head key=value');
    const before = await runsWith(source, scope, base, newest);
    const after = await runsWith(source, scope, head, newest);
    for (const [side, runs] of [
      [base, before],
      [head, after],
    ] as const)
      if (runs.length === 0) throw new FleetRequestError(`no run has the label ${labelsName(side)}`);
    // One question for both sides.
    const records = await recordsOf(source, [...before, ...after], metrics);
    const result = compareRuns(records.slice(0, before.length), records.slice(before.length), {
      ...(threshold !== undefined && { threshold }),
      ...(alpha !== undefined && { alpha }),
    });
    const notes = [
      `base ${labelsName(base)}: ${before.length} runs, head ${labelsName(head)}: ${after.length} runs; the newest ${newest} of a side at most`,
      ...(Math.min(before.length, after.length) < RUNS_AS_BLOCKS
        ? [`a fleet knows no order within a run: fewer than ${RUNS_AS_BLOCKS} runs on a side are too few`]
        : []),
    ];
    return {
      notes,
      rows: result.metrics.map((one): FleetValue[] => [
        one.metric,
        one.verdict,
        one.statistic ?? '',
        rounded(one.ratio),
        rounded(one.ci95?.[0] ?? null),
        rounded(one.ci95?.[1] ?? null),
        rounded(one.p_value),
        one.base.runs,
        one.base.n,
        one.base.p50,
        one.base.p99,
        one.head.runs,
        one.head.n,
        one.head.p50,
        one.head.p99,
      ]),
    };
  },
};

const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(6)));

interface SideRun {
  readonly run: string;
  readonly name: string;
  readonly release: string;
  readonly cpus: number;
  readonly events: number;
  readonly lost: number;
  readonly spanNs: number;
}

async function runsWith(
  source: FleetSource,
  scope: Scope,
  labels: readonly Label[],
  newest: number,
): Promise<SideRun[]> {
  const { dialect } = source;
  const side = { ...scope, labels: [...(scope.labels ?? []), ...labels] };
  const rows = await source.select(
    `SELECT run, name, release, cpus, events, lost, span_ns, ingested_at FROM ${dialect.table('run')}${where(dialect, 'run', side)} ORDER BY ingested_at DESC, run LIMIT ${newest}`,
  );
  return rows
    .map(([run, name, release, cpus, events, lost, span]) => ({
      run: String(run),
      name: String(name),
      release: String(release),
      cpus: Number(cpus),
      events: Number(events),
      lost: Number(lost),
      spanNs: Number(span),
    }))
    .sort((a, b) => (a.run < b.run ? -1 : 1));
}

/** Runs as `compare` knows them: a histogram per metric, all in one block. */
async function recordsOf(
  source: FleetSource,
  runs: readonly SideRun[],
  metrics: readonly string[],
): Promise<RunRecord[]> {
  const { dialect } = source;
  const of = [
    oneOf(dialect, 'metric', metrics),
    oneOf(
      dialect,
      'run',
      runs.map(({ run }) => run),
    ),
  ];
  const heads = await source.select(
    `SELECT run, metric, sum(n) AS n_sum, sum(open_n) AS open_sum, min(min_ns) AS lowest, max(max_ns) AS highest, sum(sum_ns) AS total FROM ${dialect.table('histogram')}${where(dialect, 'histogram', {}, ...of)} GROUP BY run, metric`,
  );
  const counts = await source.select(
    `SELECT run, metric, bucket, sum(n) AS n_sum FROM ${dialect.table('bucket')}${where(dialect, 'bucket', {}, ...of)} GROUP BY run, metric, bucket`,
  );
  const blocks = new Map<string, [bucket: number, n: number][]>();
  for (const [run, metric, bucket, n] of counts) {
    const key = `${run} ${metric}`;
    const known = blocks.get(key);
    if (known) known.push([Number(bucket), Number(n)]);
    else blocks.set(key, [[Number(bucket), Number(n)]]);
  }
  const recorded = new Map<string, RecordedMetric[]>();
  const coarse = new Map<string, boolean>();
  for (const [run, metric, count, open, lowest, highest, sum] of heads) {
    const id = String(run);
    const pairs = (blocks.get(`${run} ${metric}`) ?? []).sort(([a], [b]) => a - b);
    const samples = Number(count);
    recorded.set(id, [
      ...(recorded.get(id) ?? []),
      {
        metric: String(metric),
        label: undefined,
        samples: {
          blocks:
            samples === 0
              ? []
              : [
                  {
                    buckets: Uint16Array.from(pairs, ([b]) => b),
                    counts: Float64Array.from(pairs, ([, n]) => n),
                    samples,
                  },
                ],
          count: samples,
          openCount: Number(open),
          minNs: Number(lowest ?? 0),
          maxNs: Number(highest ?? 0),
          sumNs: Number(sum),
        },
      },
    ]);
    const whole = [lowest, highest, sum].every((value) => Number(value ?? 0) % COARSE_NS === 0);
    coarse.set(id, (coarse.get(id) ?? true) && whole);
  }
  return runs.map(({ run, name, release, cpus, events, lost, spanNs }) => ({
    source: run,
    name,
    release: release === '' ? null : release,
    cpus,
    events,
    lost,
    span_ns: spanNs,
    resolutionNs: coarse.get(run) ? COARSE_NS : 1,
    systems: [],
    metrics: (recorded.get(run) ?? []).sort((a, b) => (a.metric < b.metric ? -1 : 1)),
    findings: [],
  }));
}
