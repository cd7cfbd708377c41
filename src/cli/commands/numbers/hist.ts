/** `quiesce hist`: latencies and lengths as histograms, whole or over time. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { METRIC_TABLES, packageVersion } from '../../../../schema/index.ts';
import { type HdrLogEntry, hdrLog } from '../../../histogram/hdr-log.ts';
import { histogramResult } from '../../../query/histogram-result.ts';
import { metricHeatMaps } from '../../../query/metric-heat-map.ts';
import {
  groupingColumn,
  groupingsOf,
  type HistogramRequest,
  type MetricHistograms,
  metricHistograms,
  metricTable,
} from '../../../query/metric-histograms.ts';
import { HEAT_MAP_COLUMNS, heatMapJson, heatMapRows, heatMapText } from '../../../report/text/heat-map.ts';
import { HISTOGRAM_COLUMNS, histogramRows, histogramText } from '../../../report/text/histogram-text.ts';
import { rowsText } from '../../../report/text/rows-text.ts';
import { StoreReader } from '../../../store/run-reader.ts';
import { UsageError } from '../../exit-status.ts';
import { parseRunId } from '../../options/replay-options.ts';
import { addInputOptions, INPUT_HELP, type InputOptions, withStore } from '../../run-input.ts';
import type { Session } from '../../terminal/output.ts';

const FORMATS = ['text', 'json', 'csv', 'ndjson', 'hdr'] as const;

interface HistOptions extends InputOptions {
  readonly by?: string;
  readonly over?: 'time';
  readonly slices: number;
  readonly run?: number | 'all';
  readonly json?: boolean;
  readonly format: (typeof FORMATS)[number];
}

function help(): string {
  const metrics = METRIC_TABLES.map((m) => `  ${m.metric.padEnd(18)}${m.title} (--by ${groupingsOf(m).join(', ')})`);
  return `
Metrics:
${metrics.join('\n')}

Examples:
  quiesce hist quiesce.db nmi
  quiesce hist quiesce.db lock-hold --by class
  quiesce hist quiesce.db synchronize-srcu --by task
  quiesce hist quiesce.db runqueue-wait --over time
  quiesce hist quiesce.db rcu-gp --run all --format hdr > rcu-gp.hlog
  quiesce hist quiesce.db rcu-gp --by run --format json`;
}

function parseRun(text: string): number | 'all' {
  return text === 'all' ? 'all' : parseRunId(text);
}

function parseSlices(text: string): number {
  const slices = Number(text);
  if (Number.isSafeInteger(slices) && slices >= 1 && slices <= 1000) return slices;
  throw new InvalidArgumentError('a number from 1 to 1000 expected.');
}

export function registerHist(program: Command, session: Session): void {
  const command = program
    .command('hist')
    .argument('<input>', INPUT_HELP)
    .argument('<metric>', 'what to draw, see below');
  addInputOptions(command)
    .option('--by <column>', 'one histogram per cpu, task, class, domain, function, …, see below')
    .addOption(new Option('--over <axis>', 'a heat map over time').choices(['time']))
    .addOption(new Option('--slices <n>', 'columns of the heat map').argParser(parseSlices).default(72))
    .option('--run <id>', 'run of the store, or all (default: the latest)', parseRun)
    .addOption(
      new Option('--format <format>', 'form of the result; hdr is an HdrHistogram log')
        .choices(FORMATS)
        .default('text'),
    )
    .option('--json', 'the same as --format json')
    .addHelpText('after', help())
    .action((input: string, metric: string, options: HistOptions) => {
      // Before a capture is read for it.
      const table = metricTable(metric);
      if (options.by !== undefined) groupingColumn(table, options.by);
      return withStore(input, options, session, (db) => {
        const format = options.json ? 'json' : options.format;
        const pieces =
          options.over === 'time' ? heatMaps(db, metric, options, format) : histograms(db, metric, options, format);
        for (const text of pieces) session.streams.out(text);
      });
    });
}

function histograms(
  db: string,
  metric: string,
  { by, run }: HistOptions,
  format: HistOptions['format'],
): Iterable<string> {
  const request: HistogramRequest = { metric, ...(by !== undefined && { by }), ...(run !== undefined && { run }) };
  const result = metricHistograms(db, request);
  switch (format) {
    case 'text':
      return [histogramText(result)];
    case 'json':
      return [`${JSON.stringify(histogramResult(result), null, 1)}\n`];
    case 'hdr':
      return [
        hdrLog(logEntries(db, result, run), `${result.metric}: ${result.title}, ns, quiesce ${packageVersion()}`),
      ];
    default:
      return rowsText(HISTOGRAM_COLUMNS, histogramRows(result), format);
  }
}

/** One line per histogram, each over the whole of its runs. */
function logEntries(db: string, result: MetricHistograms, run: number | 'all' | undefined): HdrLogEntry[] {
  const reader = new StoreReader(db);
  try {
    const ids = reader.runIds();
    const infos = (run === 'all' ? ids : [run ?? ids[ids.length - 1]]).map((id) => reader.runInfo(id));
    const startNs = Math.min(...infos.map((info) => info.first_ns));
    const lengthNs = infos.reduce((sum, info) => sum + info.last_ns - info.first_ns, 0);
    return result.histograms.map(({ label, histogram }) => ({
      tag: label,
      startS: startNs / 1e9,
      lengthS: lengthNs / 1e9,
      histogram,
    }));
  } finally {
    reader.close();
  }
}

function heatMaps(db: string, metric: string, options: HistOptions, format: HistOptions['format']): Iterable<string> {
  const { by, run, slices } = options;
  if (run === 'all') throw new UsageError('--over time: one run expected; runs have times of their own');
  const maps = metricHeatMaps(db, {
    metric,
    slices,
    ...(by !== undefined && { by }),
    ...(run !== undefined && { run }),
  });
  switch (format) {
    case 'text':
      return [heatMapText(maps, by)];
    case 'json':
      return [`${JSON.stringify(heatMapJson(maps, by), null, 1)}\n`];
    case 'hdr':
      throw new UsageError('--format hdr: without --over time');
    default:
      return rowsText(HEAT_MAP_COLUMNS, heatMapRows(maps), format);
  }
}
