/**
 * What a fleet keeps of each run, as a table of tables: the lake's files, the tables of ClickHouse and the temporary tables of SQLite are all
 * made from it. No events: a run is a few hundred rows. Every table has the columns that reports filter by, so that none needs a join.
 */
import type { Severity } from './findings.ts';

/** `day`: a date, written `2026-12-01` · `text?`, `int?`: may be missing. Integers are below 2^53. */
export type FleetType = 'day' | 'text' | 'int' | 'int?';
export type FleetValue = string | number | null;

export interface FleetColumn {
  readonly name: string;
  readonly type: FleetType;
  readonly about: string;
}

export interface FleetTable {
  readonly about: string;
  readonly columns: readonly FleetColumn[];
  /** Rows of a table never agree in all of these; the order is that in which a column store sorts. */
  readonly key: readonly string[];
}

const column = (name: string, type: FleetType, about: string): FleetColumn => ({ name, type, about });

const RUN = column(
  'run',
  'text',
  '128 bits of a hash of what was recorded and how it is labelled, hexadecimal: the same run is pushed once',
);
const DAY = column('day', 'day', 'day of ingest, UTC: the partition');
const WEEK = column('week', 'text', 'Monday of its week');
const AT = column('ingested_at', 'text', 'time of ingest, UTC: 2026-12-01T03:00:00Z');
const KERNEL = column('kernel', 'text', 'label kernel, else the release that was recorded');
const HOST = column('host', 'text', 'label host, else the machine that the recording names');
const LABELS = column('labels', 'text', 'all labels, kernel and host too, each as key=value between line ends');

export const FLEET_TABLES = {
  run: {
    about: 'Runs.',
    key: ['run'],
    columns: [
      RUN,
      DAY,
      WEEK,
      AT,
      KERNEL,
      HOST,
      LABELS,
      column('name', 'text', 'as in the store'),
      column('release', 'text', 'kernel release as recorded'),
      column('tool', 'text', 'version of quiesce that replayed it'),
      column('cpus', 'int', 'CPUs'),
      column('events', 'int', 'events read'),
      column('lost', 'int', 'events that the recorder lost'),
      column('span_ns', 'int', 'length of the recording'),
      column('errors', 'int', 'findings of severity error'),
      column('warnings', 'int', 'findings of severity warning'),
    ],
  },
  assessment: {
    about: 'Which kinds of findings a run could have shown.',
    key: ['kind', 'run'],
    columns: [
      RUN,
      DAY,
      KERNEL,
      HOST,
      LABELS,
      column('kind', 'text', 'kind of finding'),
      column('status', 'text', 'assessed, partial or not-assessed'),
    ],
  },
  finding: {
    about: 'Findings, by identity.',
    key: ['kind', 'identity', 'run', 'position'],
    columns: [
      RUN,
      DAY,
      WEEK,
      AT,
      KERNEL,
      HOST,
      LABELS,
      column('position', 'int', 'order in the run, from 1'),
      column('finding_id', 'text', 'id in the run'),
      column('kind', 'text', 'kind of finding'),
      column('severity', 'text', 'error, warning or info'),
      column('confidence', 'text', 'reported, observed, inferred or predicted'),
      column('identity', 'text', 'the same for one bug in every boot'),
      column('root', 'text', 'identity of the root cause that it comes down to'),
      column('title', 'text', 'the verdict in one line'),
      column('start_ns', 'int', 'first and'),
      column('end_ns', 'int', 'last instant at which it held, on the timeline of the run'),
      column('amount_ns', 'int', 'how long it blocked somebody, or lasted'),
    ],
  },
  histogram: {
    about: 'Latencies of a run: what is exact about a histogram.',
    key: ['metric', 'label', 'run'],
    columns: [
      RUN,
      DAY,
      WEEK,
      KERNEL,
      HOST,
      LABELS,
      column('metric', 'text', 'rcu-gp, nmi, lock-hold, …'),
      column(
        'label',
        'text',
        'RCU flavour or srcu_struct, where the metric has one; else empty, and everything in one histogram',
      ),
      column('n', 'int', 'finished intervals'),
      column('open_n', 'int', 'intervals still open at the end'),
      column('min_ns', 'int?', 'shortest'),
      column('max_ns', 'int?', 'longest'),
      column('sum_ns', 'int', 'of the finished ones'),
    ],
  },
  bucket: {
    about: 'Buckets of the histograms: those of many runs merge by adding n.',
    key: ['metric', 'label', 'kernel', 'week', 'run', 'bucket'],
    columns: [
      RUN,
      DAY,
      WEEK,
      KERNEL,
      HOST,
      column('metric', 'text', 'as in histogram'),
      column('label', 'text', 'as in histogram'),
      column('bucket', 'int', 'number of the bucket, 64 to a power of two (src/histogram/log-linear.ts)'),
      column('n', 'int', 'intervals in it'),
    ],
  },
  slowest: {
    about:
      'Selected facts: the handlers, lock classes, tasks and work functions that were slowest in a run, a few per metric.',
    key: ['metric', 'label', 'run'],
    columns: [
      RUN,
      DAY,
      KERNEL,
      HOST,
      LABELS,
      column('metric', 'text', 'as in histogram'),
      column('label', 'text', 'handler, lock class, task, work function, …'),
      column('n', 'int', 'finished intervals'),
      column('max_ns', 'int', 'longest'),
      column('sum_ns', 'int', 'of all'),
    ],
  },
} as const satisfies Record<string, FleetTable>;

export type FleetTableName = keyof typeof FLEET_TABLES;
/** `run` is the last to be written: a run counts when its row is there. */
export const FLEET_TABLE_NAMES = ['assessment', 'finding', 'histogram', 'bucket', 'slowest', 'run'] as const;

/** Everything that is pushed of a run: rows with the values of the table's columns, in their order. */
export interface FleetRun {
  readonly run: string;
  readonly day: string;
  readonly name: string;
  readonly rows: Readonly<Record<FleetTableName, readonly (readonly FleetValue[])[]>>;
}

/** What a column of a report holds, and how a table shows it. */
export interface FleetReportColumn {
  readonly name: string;
  /** `time`: UTC, `2026-12-01T03:00:00Z` · `duration`: ns, 0 where it has no length · `share`: of 1. */
  readonly type: 'text' | 'time' | 'count' | 'duration' | 'share' | 'ratio';
  readonly about: string;
}

/** `quiesce fleet report NAME --json`. */
export interface FleetReportResult {
  readonly schema: 'quiesce.fleet-report/1';
  readonly report: string;
  readonly columns: readonly FleetReportColumn[];
  readonly rows: readonly (readonly FleetValue[])[];
  /** What a reader must know before believing the rows. */
  readonly notes: readonly string[];
}

/** A bug of the fleet: what its findings have in common. */
export interface FleetIdentity {
  readonly identity: string;
  readonly kind: string;
  readonly severity: Severity;
  readonly root: string;
  /** Of one of its findings. */
  readonly title: string;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly findings: number;
  readonly runs: number;
  readonly hosts: number;
  readonly kernels: number;
  /** The longest time that it blocked somebody, or lasted. */
  readonly worst_ns: number;
}

/** `quiesce fleet gate --json`. */
export interface FleetGateResult {
  readonly schema: 'quiesce.fleet-gate/1';
  readonly head_runs: number;
  readonly base_runs: number;
  readonly new: readonly FleetIdentity[];
  /** Identities of the head that are known. */
  readonly known: number;
  /** Required kinds that runs of the head could not have shown, with the number of these runs. */
  readonly not_assessed: readonly { readonly kind: string; readonly runs: number }[];
  readonly passed: boolean;
}

/** Latency of one day, all runs together. */
export interface FleetTrend {
  readonly metric: string;
  readonly days: readonly {
    readonly day: string;
    readonly n: number;
    readonly p50_ns: number;
    readonly p99_ns: number;
  }[];
}

/** What the page of a fleet is made of. */
export interface FleetOverview {
  readonly days: FleetReportResult;
  readonly trends: readonly FleetTrend[];
  readonly roots: FleetReportResult;
  readonly findings: FleetReportResult;
  /** First seen on the last day of the fleet or the day before, worst first. */
  readonly fresh: readonly FleetIdentity[];
  readonly fresh_since: string;
  readonly grace_periods: FleetReportResult;
  readonly hosts: FleetReportResult;
  readonly coverage: FleetReportResult;
}
