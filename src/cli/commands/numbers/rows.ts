/** `quiesce rows`: rows for SQL of events that are in pages alone. */
import type { Command } from 'commander';
import { fillRows } from '../../../jobs/fill-rows.ts';
import { formatSize, plural } from '../../../report/text/text-format.ts';
import { listRuns } from '../../../store/runs/run-list.ts';
import { parseRunId, waitingFor, waitOption } from '../../options/replay-options.ts';
import type { Session } from '../../terminal/output.ts';
import { progressBar } from '../../terminal/progress.ts';

interface RowsOptions {
  readonly run?: number;
  readonly event?: string;
  readonly wait?: number;
  readonly quiet?: boolean;
}

const HELP = `
A store has every event in compressed pages. Rows, which SQL reads, are made of them when quiesce query first asks for a
kind of event. Other programs (sqlite3, Python, DuckDB) read the same file and cannot ask: what they read of a kind without
rows fails with a message that names this command.

Examples:
  quiesce rows quiesce.db                        everything
  quiesce rows quiesce.db --event 'sched_*'      kinds of one sort, of all runs
  quiesce replay trace.dat --rows now            no need of it later`;

export function registerRows(program: Command, { streams }: Session): void {
  program
    .command('rows')
    .argument('<store>', 'store whose events are to become rows')
    .option('--run <id>', 'of one run (default: of all)', parseRunId)
    .option('--event <pattern>', 'kinds of events with such names: sched_* (default: all)')
    .addOption(waitOption())
    .option('--quiet', 'no messages and no progress')
    .addHelpText('after', HELP)
    .action(async (db: string, { run, event, wait, quiet = false }: RowsOptions) => {
      // Says so when there is no such run.
      if (run !== undefined) listRuns(db, { ids: [run] });
      const signal = streams.interruptSignal?.();
      const bar = progressBar(streams.terminal && !quiet, 'events');
      const startMs = performance.now();
      try {
        const filled = await fillRows(db, {
          ...(run !== undefined && { run }),
          ...(event !== undefined && { event }),
          ...(wait !== undefined && { waitMs: wait / 1e6 }),
          ...(signal && { signal }),
          onWait: (path) => {
            if (!quiet) streams.err(`quiesce: ${waitingFor(path)}\n`);
          },
          onProgress: (progress) => bar.update(progress),
        });
        bar.stop();
        if (quiet) return;
        const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
        streams.out(
          filled.rows === 0
            ? `${db}: no rows are missing\n`
            : `${db}: ${plural(filled.rows, 'row')} of ${plural(filled.kinds, 'kind')} of events in ${plural(filled.runs, 'run')}, ${formatSize(filled.grownBytes)}, ${seconds} s\n`,
        );
      } finally {
        bar.stop();
      }
    });
}
