/** Options that replay and ingest share. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { KernelProfile, Thresholds } from '../../../schema/index.ts';
import { type EventSelection, isSelective, type SelectedTime } from '../../ingest/selection.ts';
import type { ReplayOptions } from '../../jobs/replay-options.ts';
import { DEFAULT_ROWS, ROW_CHOICES, type RowChoice } from '../../store/rows/row-choice.ts';
import { UsageError } from '../exit-status.ts';
import { parseCpus } from './cpu-list.ts';
import { parseDuration, parseShare } from './durations.ts';
import { instantOf } from './instants.ts';
import { PROFILE_KEYS, parseKernelProfile } from './kernel-profile.ts';
import { type Labels, parseLabels } from './labels.ts';
import { parseThreshold, THRESHOLD_HELP } from './thresholds.ts';

export const DEFAULT_DB = 'quiesce.db';

export interface ThresholdOptions {
  readonly threshold?: Partial<Thresholds>;
  /** ns, but for the share of a CPU. */
  readonly rcuStall?: number;
  readonly hungTask?: number;
  readonly blockedSync?: number;
  readonly nmiStorm?: number;
  readonly nmiWindow?: number;
}

export interface CaptureOptions extends ThresholdOptions {
  readonly db: string;
  readonly rows: RowChoice;
  readonly name?: string;
  readonly label?: Labels;
  readonly profile?: KernelProfile;
  readonly kallsyms?: string;
  readonly from?: SelectedTime;
  readonly to?: SelectedTime;
  readonly cpu?: readonly number[];
  readonly event?: readonly string[];
  readonly quiet?: boolean;
  readonly separate?: boolean;
  /** ns */
  readonly wait?: number;
  readonly json?: boolean;
}

/** Turns UsageError into commander's way of naming the option. */
export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof UsageError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

export function addCaptureOptions(command: Command): Command {
  return command
    .option('--db <file>', 'store to append the run to; :memory: keeps nothing', DEFAULT_DB)
    .addOption(rowsOption())
    .option('--separate', 'captures are not of one boot: a run each')
    .option('--name <name>', 'name of the run (default: folder and file of the first capture)')
    .addOption(
      new Option(
        '--label <k=v,…>',
        'what is known of the run: kernel=6.12,commit=1a2b3c,job=boot-test,url=https://…; may be repeated',
      ).argParser(collectLabels),
    )
    .addOption(profileOption())
    .option('--kallsyms <file>', 'symbols of the recorded kernel (/proc/kallsyms or System.map)')
    .addOption(
      new Option('--from <time>', 'records from here on: 28.75, or +1.5 after the first').argParser(
        argument(parseTime),
      ),
    )
    .addOption(new Option('--to <time>', 'records up to here').argParser(argument(parseTime)))
    .addOption(new Option('--cpu <list>', 'records of these CPUs: 0,2-3').argParser(parseCpus))
    .option('--event <names>', 'events of these names, separated by commas', (text) => text.split(','))
    .addOption(waitOption())
    .option('--json', 'print the result as JSON (quiesce.replay/2)')
    .option('--quiet', 'no messages and no progress on standard error');
}

export function rowsOption(): Option {
  return new Option(
    '--rows <when>',
    'when events become rows for SQL · later: when a query first asks for their kind · now: at once',
  )
    .choices([...ROW_CHOICES])
    .default(DEFAULT_ROWS, DEFAULT_ROWS);
}

/** @throws UsageError */
function parseTime(text: string): SelectedTime {
  const instant = instantOf(text);
  if (instant === undefined || !('ns' in instant)) throw new UsageError('a time expected, like 28.75 or +1.5.');
  return instant;
}

/** What is read of the captures; undefined: everything. */
function selectionOf({ from, to, cpu, event }: CaptureOptions): EventSelection | undefined {
  const selection = {
    ...(from && { from }),
    ...(to && { to }),
    ...(cpu && { cpus: cpu }),
    ...(event && { events: event }),
  };
  return isSelective(selection) ? selection : undefined;
}

export function profileOption(): Option {
  return new Option(
    '--profile <k=v,…>',
    `what is known of the kernel: ${Object.keys(PROFILE_KEYS).join(', ')}`,
  ).argParser(argument(parseKernelProfile));
}

export function waitOption(): Option {
  return new Option(
    '--wait <duration>',
    'longest wait for another process that writes to the store; 0: none (default: as long as it takes)',
  ).argParser(argument(parseDuration));
}

export function addThresholdOptions(command: Command): Command {
  const duration = (flags: string, help: string) => new Option(flags, help).argParser(argument(parseDuration));
  return command
    .addOption(
      duration('--rcu-stall <duration>', "a grace period older than this is a stall (default: the kernel's rule)"),
    )
    .addOption(duration('--hung-task <duration>', 'a task blocked for longer is hung (default: 120s)'))
    .addOption(duration('--blocked-sync <duration>', 'a synchronize_* call blocked for longer (default: 1s)'))
    .addOption(
      new Option('--nmi-storm <share>', 'share of a CPU that NMIs take in a storm (default: 50%)').argParser(
        argument(parseShare),
      ),
    )
    .addOption(duration('--nmi-window <duration>', 'time over which that share is taken (default: 1s)'))
    .addOption(
      new Option(
        '--threshold <kind=value>',
        'from when on something is a finding, by kind; may be repeated: workqueue-stall=10s, irq-storm=80%',
      ).argParser(collectThreshold),
    )
    .addHelpText('after', `\nThresholds\n${THRESHOLD_HELP}`);
}

/** @throws InvalidArgumentError */
export function collectLabels(text: string, before?: Labels): Labels {
  return { ...before, ...argument(parseLabels)(text) };
}

/** @throws InvalidArgumentError */
function collectThreshold(text: string, before?: Partial<Thresholds>): Partial<Thresholds> {
  return argument((value: string) => parseThreshold(value, before))(text);
}

/** The options of the job but for where it stores. */
export function jobOptions(options: CaptureOptions & { readonly run?: number }): Omit<ReplayOptions, 'db'> {
  const selection = selectionOf(options);
  return {
    ...(selection && { selection }),
    thresholds: thresholdsOf(options),
    rows: options.rows,
    ...(options.profile && { profile: options.profile }),
    ...(options.name !== undefined && { name: options.name }),
    ...(options.label && { labels: options.label }),
    ...(options.kallsyms !== undefined && { kallsymsPath: options.kallsyms }),
    ...(options.run !== undefined && { run: options.run }),
    ...(options.separate && { separate: true }),
    ...(options.wait !== undefined && { waitMs: options.wait / 1e6 }),
  };
}

/** Said when the wait for a store begins. */
export function waitingFor(path: string): string {
  return `${path}: waits until another process has finished writing (--wait 0: not at all)`;
}

export function thresholdsOf(options: ThresholdOptions): Partial<Thresholds> {
  return {
    ...options.threshold,
    ...(options.rcuStall !== undefined && { rcuStallNs: options.rcuStall }),
    ...(options.hungTask !== undefined && { hungTaskNs: options.hungTask }),
    ...(options.blockedSync !== undefined && { blockedSyncNs: options.blockedSync }),
    ...(options.nmiStorm !== undefined && { nmiStormShare: options.nmiStorm }),
    ...(options.nmiWindow !== undefined && { nmiStormWindowNs: options.nmiWindow }),
  };
}

/** @throws InvalidArgumentError */
export function parseRunId(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('the number of a run expected.');
  return Number(text);
}

/** @throws InvalidArgumentError */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a number from 1 on expected.');
  return Number(text);
}
