/** `quiesce replay`: the main job. */
import type { Command } from 'commander';
import type { ReplayResult, Severity } from '../../../schema/index.ts';
import { replayCaptures } from '../../jobs/replay-captures.ts';
import { replayStore } from '../../jobs/replay-store.ts';
import { replayText } from '../../report/replay-text.ts';
import { suppressFindings, suppressionOf } from '../../report/suppressions.ts';
import { EXIT_FINDINGS, UsageError } from '../exit-status.ts';
import { type Session, type Streams, styleOf } from '../output.ts';
import { progressBar } from '../progress.ts';
import {
  addCaptureOptions,
  addThresholdOptions,
  type CaptureOptions,
  isStoreFile,
  parseRunId,
  parseSeverity,
  reaches,
  thresholdsOf,
} from './replay-options.ts';
import { addSuppressOptions, type SuppressOptions, suppressionsOf } from './suppress-options.ts';

interface ReplayCommandOptions extends CaptureOptions, SuppressOptions {
  readonly failOn?: Severity;
  readonly run?: number;
}

const EXAMPLES = `
Examples:
  quiesce replay trace.dat dmesg.txt                  a recording and the log of the same boot
  trace-cmd report | quiesce replay -                 from a pipe
  perf script | quiesce replay - --db :memory:        keep nothing
  quiesce replay --json --fail-on warning trace.txt   for scripts: exit status 1 when there are findings
  quiesce replay --suppress known.json trace.dat      without what is known (docs/SUPPRESS.md)
  quiesce replay quiesce.db --run 3                   once more from the store`;

export function registerReplay(program: Command, session: Session): void {
  const command = program
    .command('replay')
    .description('read captures, replay them through the models, print the findings')
    .argument('<capture...>', 'captures of one boot, or one store; - is standard input');
  addSuppressOptions(addThresholdOptions(addCaptureOptions(command)))
    .option(
      '--fail-on <severity>',
      'exit with status 1 when a finding is at least: info, warning, error',
      parseSeverity,
    )
    .option('--run <id>', 'run of the store (default: the latest)', parseRunId)
    .addHelpText('after', EXAMPLES)
    .action(async (captures: string[], options: ReplayCommandOptions) => {
      const { streams } = session;
      const known = suppressionsOf(options);
      const everything = await run(captures, options, streams);
      const result = known ? suppressFindings(everything, known, options.showSuppressed === true) : everything;
      if (options.json) streams.out(`${JSON.stringify(result, null, 1)}\n`);
      else streams.out(replayText(result, { style: styleOf(streams), hint: queryHint }));
      const { failOn } = options;
      const failing = known ? everything.findings.filter((f) => !suppressionOf(f, known)) : everything.findings;
      const failed = failOn !== undefined && failing.some((f) => reaches(f.severity, failOn));
      if (failed) session.status = EXIT_FINDINGS;
    });
}

function queryHint(db: string): string {
  return `quiesce query ${/^[\w./-]+$/.test(db) ? db : `'${db.replaceAll("'", "'\\''")}'`} "SELECT kind, title FROM finding"`;
}

async function run(
  captures: readonly string[],
  options: ReplayCommandOptions,
  streams: Streams,
): Promise<ReplayResult> {
  const stores = captures.filter(isStoreFile);
  if (stores.length > 0 && captures.length > 1)
    throw new UsageError(`${stores[0]}: a store is replayed alone, without further captures`);
  if (stores.length === 0 && options.run !== undefined) throw new UsageError('--run: only with a store');
  const signal = streams.interruptSignal?.();
  const settings = {
    ...(options.profile && { profile: options.profile }),
    thresholds: thresholdsOf(options),
    ...(signal && { signal }),
  };
  const bar = progressBar(streams.terminal && !options.quiet, stores.length > 0 ? 'events' : 'bytes');
  try {
    if (stores.length > 0)
      return await replayStore(stores[0], {
        ...settings,
        ...(options.run !== undefined && { runId: options.run }),
        onProgress: (progress) => bar.update(progress),
      });
    return await replayCaptures(captures, {
      ...settings,
      db: options.db,
      ...(options.name !== undefined && { name: options.name }),
      ...(options.kallsyms !== undefined && { kallsymsPath: options.kallsyms }),
      onProgress: (progress) => bar.update(progress),
    });
  } finally {
    bar.stop();
  }
}
