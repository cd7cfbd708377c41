/** `quiesce replay`: the main job. */
import type { Command } from 'commander';
import type { ReplayResult } from '../../../../schema/index.ts';
import { replay } from '../../../jobs/replay.ts';
import { knownIdentities } from '../../../query/across/findings-across.ts';
import { replayText } from '../../../report/replay/replay-text.ts';
import { ROOTS_SHOWN } from '../../../report/replay/root-text.ts';
import { suppressFindings } from '../../../report/replay/suppressions.ts';
import { isStoreFile } from '../../../store/store-file.ts';
import { EXIT_FINDINGS, EXIT_STORE, UsageError } from '../../exit-status.ts';
import { addFailOn, addRequire, failing, type GateOptions, identitiesOf, unmet } from '../../options/gate.ts';
import {
  addCaptureOptions,
  addThresholdOptions,
  type CaptureOptions,
  jobOptions,
  parseCount,
  parseRunId,
  waitingFor,
} from '../../options/replay-options.ts';
import { addSourceOptions, type SourceOptions } from '../../options/source-options.ts';
import { addSuppressOptions, type SuppressOptions, suppressionsOf } from '../../options/suppress-options.ts';
import { withSources } from '../../source-stacks.ts';
import { outPaged, type Session, styleOf } from '../../terminal/output.ts';
import { progressBar } from '../../terminal/progress.ts';

interface ReplayCommandOptions extends CaptureOptions, SuppressOptions, GateOptions, SourceOptions {
  readonly run?: number;
  readonly top?: number;
  readonly all?: boolean;
  readonly why?: boolean;
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
    .argument('<capture...>', 'captures of one boot, or one store; - is standard input');
  const captures = addSourceOptions(addSuppressOptions(addThresholdOptions(addCaptureOptions(command))));
  addRequire(addFailOn(captures, 'the earlier runs of --db'))
    .option('--run <id>', 'run of the store (default: the latest)', parseRunId)
    .option('--top <n>', `root causes to show in detail (default: ${ROOTS_SHOWN})`, parseCount)
    .option('--all', 'every root cause, finding and task by itself, with its evidence')
    .option('--why', 'why a kind of finding could be decided or not, and what to record')
    .addHelpText('after', EXAMPLES)
    .action(async (captures: string[], options: ReplayCommandOptions) => {
      const { streams } = session;
      const known = suppressionsOf(options, session.streams);
      const everything = await run(captures, options, session);
      const result = known ? suppressFindings(everything, known, options.showSuppressed === true) : everything;
      const failed = isGated(everything, options, known, session);
      // A run that is not kept outweighs what it found.
      if (failed && session.status !== EXIT_STORE) session.status = EXIT_FINDINGS;
      const { sources, stacks } = withSources(result, options);
      if (options.json) streams.out(`${JSON.stringify(sources ? { ...result, sources } : result, null, 1)}\n`);
      else {
        const { all = false, why = false, top = ROOTS_SHOWN } = options;
        const shown = all ? stacks : stacks.slice(0, top);
        outPaged(
          session,
          replayText(result, { style: styleOf(streams), hint: nextSteps, all, why, top, stacks: shown }),
        );
      }
    });
}

/** Says on standard error which new findings, or undecided kinds, there are. */
function isGated(
  { run: first, runs = [first], findings, assessments, db }: ReplayResult,
  { failOn, against, require = [] }: ReplayCommandOptions,
  suppressions: ReturnType<typeof suppressionsOf>,
  { streams }: Session,
): boolean {
  const missing = unmet(assessments, require);
  for (const line of missing) streams.err(`quiesce: ${line}\n`);
  if (failOn === undefined) return missing.length > 0;
  let known: ReadonlySet<string> = new Set();
  if (failOn.onlyNew) {
    const ids = runs.flatMap(({ run_id }) => (run_id === undefined ? [] : [run_id]));
    if (against) known = identitiesOf(against);
    else if (db !== null && ids.length > 0) known = knownIdentities(db, Math.min(...ids));
    else throw new UsageError('--fail-on new:…: nothing to compare with; --db with earlier runs, or --against');
  }
  const found = failing(findings, failOn, suppressions, known);
  if (failOn.onlyNew) for (const { id, title } of found) streams.err(`quiesce: new: ${id}: ${title}\n`);
  return missing.length > 0 || found.length > 0;
}

function nextSteps(db: string): string {
  return `quiesce explain ${/^[\w./-]+$/.test(db) ? db : `'${db.replaceAll("'", "'\\''")}'`} <id> shows the evidence`;
}

async function run(
  captures: readonly string[],
  options: ReplayCommandOptions,
  session: Session,
): Promise<ReplayResult> {
  const { streams } = session;
  const ofStore = captures.some(isStoreFile);
  if (!ofStore && options.run !== undefined) throw new UsageError('--run: only with a store');
  const signal = streams.interruptSignal?.();
  const bar = progressBar(streams.terminal && !options.quiet, ofStore ? 'events' : 'bytes');
  try {
    return await replay(captures, {
      ...jobOptions(options),
      ...(!ofStore && { db: options.db }),
      ...(signal && { signal }),
      onProgress: (progress) => bar.update(progress),
      onWait: (path) => {
        if (!options.quiet) streams.err(`quiesce: ${waitingFor(path)}\n`);
      },
      onStoreError: ({ message }) => {
        session.status = EXIT_STORE;
        streams.err(`quiesce: ${message}; the run is not stored, the report follows\n`);
      },
    });
  } finally {
    bar.stop();
  }
}
