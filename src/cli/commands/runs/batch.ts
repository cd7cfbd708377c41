/** `quiesce batch`: many captures into one store. */
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BatchResult, BatchRun, KernelProfile } from '../../../../schema/index.ts';
import { type ItemOutcome, runBatch } from '../../../jobs/batch/batch.ts';
import { batchItems } from '../../../jobs/batch/batch-items.ts';
import { knownIdentities } from '../../../query/across/findings-across.ts';
import { batchLine, batchSummary } from '../../../report/runs/batch-text.ts';
import type { RowChoice } from '../../../store/rows/row-choice.ts';
import { StoreReader } from '../../../store/run-reader.ts';
import { KEPT, type Kept } from '../../../store/run-summary.ts';
import { EXIT_FINDINGS, EXIT_INPUT, UsageError } from '../../exit-status.ts';
import { addFailOn, type FailOn, failing, type GateOptions, identitiesOf } from '../../options/gate.ts';
import { type Labels, parseLabels } from '../../options/labels.ts';
import {
  addThresholdOptions,
  collectLabels,
  profileOption,
  rowsOption,
  type ThresholdOptions,
  thresholdsOf,
  waitingFor,
  waitOption,
} from '../../options/replay-options.ts';
import { addSuppressFiles, type SuppressOptions, suppressionsOf } from '../../options/suppress-options.ts';
import { type Session, styleOf } from '../../terminal/output.ts';

interface BatchCommandOptions extends ThresholdOptions, SuppressOptions, GateOptions {
  readonly db: string;
  readonly jobs: number;
  readonly keep: Kept;
  readonly rows: RowChoice;
  readonly manifest?: readonly string[];
  readonly files?: readonly string[];
  readonly label?: Labels;
  readonly profile?: KernelProfile;
  readonly kallsyms?: string;
  readonly wait?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
A folder is one run: its binary recording, or else its text trace, and its log (dmesg, console, syslog, pstore, *.log).
What the store has already, by the content of the captures, is passed over: a batch that was ended goes on where it was.

Manifest: a run per line, captures and then labels; paths count from its folder, # begins a comment
  boot-17/trace.dat boot-17/dmesg.txt kernel=6.12.1 commit=1a2b3c job=boot-test

Exit status: 1 a finding at or above --fail-on, also in what was there already · 3 a capture could not be read

Examples:
  quiesce batch 'runs/*/' --db farm.db -j 8 --label job=nightly
  quiesce batch 'runs/*.dat' --db farm.db --keep findings       kilobytes a run
  quiesce batch --manifest runs.txt --db farm.db
  quiesce findings --across farm.db                             what is in them`;

export function registerBatch(program: Command, session: Session): void {
  const command = program
    .command('batch')
    .argument('[captures...]', 'folders, captures, or quoted patterns for them')
    .requiredOption('--db <file>', 'store to append the runs to')
    .option(
      '-j, --jobs <n>',
      'processes that replay (default: the CPUs of this machine)',
      parseJobs,
      availableParallelism(),
    )
    .addOption(
      new Option('--keep <what>', 'all · metrics: histograms and findings, no events · findings')
        .choices([...KEPT])
        .default('all', 'all'),
    )
    .addOption(rowsOption())
    .option('--manifest <file>', 'file with a run per line, see below; may be repeated', collect)
    .option('--files <names>', 'captures within each folder, names or patterns: trace.dat,dmesg*', parseNames)
    .addOption(
      new Option('--label <k=v,…>', 'what is known of all these runs: job=nightly; may be repeated').argParser(
        collectLabels,
      ),
    )
    .addOption(profileOption())
    .option('--kallsyms <file>', 'symbols of the recorded kernel (/proc/kallsyms or System.map)')
    .addOption(waitOption());
  addFailOn(addSuppressFiles(addThresholdOptions(command)), 'what the store held before')
    .option('--json', 'print the result as JSON (quiesce.batch/1)')
    .option('--quiet', 'only the last line')
    .addHelpText('after', HELP)
    .action((specs: string[], options: BatchCommandOptions) => batch(specs, options, session));
}

async function batch(specs: readonly string[], options: BatchCommandOptions, session: Session): Promise<void> {
  const { streams } = session;
  const {
    db,
    jobs,
    keep,
    rows,
    manifest = [],
    files,
    label = {},
    profile,
    kallsyms,
    wait,
    json,
    quiet,
    failOn,
  } = options;
  if (specs.length + manifest.length === 0) throw new UsageError('nothing given: folders, captures, or --manifest');
  const suppressions = suppressionsOf(options, session.streams);
  // Read before the work, so that a file that cannot be read costs nothing.
  const given = options.against && identitiesOf(options.against);
  const items = batchItems({ specs, manifests: manifest, parseLabels, ...(files && { files }) });
  const signal = streams.interruptSignal?.();
  const done: BatchRun[] = [];
  const fromRun = await runBatch(items, {
    db,
    jobs,
    keep,
    rows,
    labels: label,
    thresholds: thresholdsOf(options),
    ...(profile && { profile }),
    ...(kallsyms !== undefined && { kallsymsPath: kallsyms }),
    ...(wait !== undefined && { waitMs: wait / 1e6 }),
    ...(signal && { signal }),
    onWait: (path) => {
      if (!quiet) streams.err(`quiesce: ${waitingFor(path)}\n`);
    },
    onItem: ({ name }, outcome) => {
      done.push(itemResult(name, outcome));
      const stored = done.filter((item) => item.outcome === 'stored').length;
      session.left = `${stored} of ${items.length} stored, and the same command goes on from there`;
      if (!json && !quiet)
        streams.out(`${batchLine(done[done.length - 1], done.length, items.length, styleOf(streams))}\n`);
    },
  });
  const of = (outcome: BatchRun['outcome']): number => done.filter((item) => item.outcome === outcome).length;
  const result: BatchResult = {
    schema: 'quiesce.batch/1',
    db,
    stored: of('stored'),
    present: of('present'),
    failed: of('failed'),
    items: done,
  };
  streams.out(json ? `${JSON.stringify(result, null, 1)}\n` : batchSummary(result));
  const known = failOn?.onlyNew ? (given ?? knownIdentities(db, fromRun)) : new Set<string>();
  // Of runs that were there before the batch began, nothing is new; all of them count for a severity or a list.
  const counts = (run: number): boolean => failOn?.onlyNew !== true || given !== undefined || run >= fromRun;
  const gated = done.flatMap(({ runs }) => runs.filter(counts));
  if (failOn !== undefined && hasFailing(db, gated, failOn, suppressions, known, session))
    session.status = EXIT_FINDINGS;
  else if (result.failed > 0) session.status = EXIT_INPUT;
}

function itemResult(name: string, outcome: ItemOutcome): BatchRun {
  if (outcome.kind === 'failed') return { name, outcome: 'failed', runs: [], error: outcome.message };
  if (outcome.kind === 'present') return { name, outcome: 'present', runs: outcome.runs };
  const { events, lost, spanNs, errors, warnings, infos, title } = outcome.verdict;
  return {
    name,
    outcome: 'stored',
    runs: outcome.runs,
    events,
    lost,
    span_ns: spanNs,
    findings: { error: errors, warning: warnings, info: infos },
    ...(title !== undefined && { title }),
  };
}

/** Says on standard error which new findings there are. */
function hasFailing(
  db: string,
  runs: readonly number[],
  failOn: FailOn,
  suppressions: ReturnType<typeof suppressionsOf>,
  known: ReadonlySet<string>,
  { streams }: Session,
): boolean {
  if (runs.length === 0) return false;
  const reader = new StoreReader(db);
  let failed = false;
  try {
    for (const id of runs)
      for (const { id: finding, title } of failing(reader.findings(id), failOn, suppressions, known)) {
        failed = true;
        if (failOn.onlyNew) streams.err(`quiesce: new: run ${id}: ${finding}: ${title}\n`);
      }
  } finally {
    reader.close();
  }
  return failed;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function parseNames(text: string): readonly string[] {
  return text.split(',').filter((name) => name !== '');
}

/** @throws InvalidArgumentError */
function parseJobs(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('a number from 1 to 999 expected.');
  return Number(text);
}
