/** `quiesce hist`: latencies and lengths as histograms. */
import { type Command, Option } from 'commander';
import { MetricError, metricHistograms } from '../../query/metric-histograms.ts';
import { HISTOGRAM_COLUMNS, histogramJson, histogramRows, histogramText } from '../../report/histogram-text.ts';
import { rowsText } from '../../report/rows-text.ts';
import { METRIC_TABLES } from '../../store/metric-tables.ts';
import { UsageError } from '../exit-status.ts';
import type { Session } from '../output.ts';
import { parseRunId } from './replay-options.ts';

interface HistOptions {
  readonly by?: string;
  readonly run?: number | 'all';
  readonly format: 'text' | 'json' | 'csv' | 'ndjson';
}

function help(): string {
  const metrics = METRIC_TABLES.map(
    (m) => `  ${m.metric.padEnd(18)}${m.title} (--by ${[m.label, ...m.columns].join(', ')})`,
  );
  return `
Metrics:
${metrics.join('\n')}

Examples:
  quiesce hist quiesce.db nmi
  quiesce hist quiesce.db lock-hold --by lock
  quiesce hist quiesce.db rcu-gp --by run_id --format json`;
}

function parseRun(text: string): number | 'all' {
  return text === 'all' ? 'all' : parseRunId(text);
}

export function registerHist(program: Command, { streams }: Session): void {
  program
    .command('hist')
    .description('draw the histogram of a latency or length')
    .argument('<db>', 'store')
    .argument('<metric>', 'what to draw, see below')
    .option('--by <column>', 'one histogram per value of a column')
    .option('--run <id>', 'run of the store, or all (default: the latest)', parseRun)
    .addOption(
      new Option('--format <format>', 'form of the result').choices(['text', 'json', 'csv', 'ndjson']).default('text'),
    )
    .addHelpText('after', help())
    .action((db: string, metric: string, options: HistOptions) => {
      try {
        const result = metricHistograms(db, {
          metric,
          ...(options.by !== undefined && { by: options.by }),
          ...(options.run !== undefined && { run: options.run }),
        });
        if (options.format === 'text') streams.out(histogramText(result));
        else if (options.format === 'json') streams.out(`${JSON.stringify(histogramJson(result), null, 1)}\n`);
        else for (const text of rowsText(HISTOGRAM_COLUMNS, histogramRows(result), options.format)) streams.out(text);
      } catch (error) {
        if (error instanceof MetricError) throw new UsageError(error.message);
        throw error;
      }
    });
}
