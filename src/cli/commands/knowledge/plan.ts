/** `quiesce plan`: what to record. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  FINDING_KINDS,
  type FindingKind,
  METRIC_NAMES,
  RECORDERS,
  RECORDING_TIERS,
  type Recorder,
  type RecordingTier,
} from '../../../../schema/index.ts';
import { planRecordings } from '../../../plan/recording-plan.ts';
import { localTracefs, readTracefs, type TracefsTarget } from '../../../plan/tracefs-target.ts';
import { planText } from '../../../report/plan-text.ts';
import { UsageError } from '../../exit-status.ts';
import { parseDuration } from '../../options/durations.ts';
import { type Session, styleOf } from '../../terminal/output.ts';

const KINDS: readonly string[] = FINDING_KINDS;
/** A metric that has the name of a finding needs the same events. */
const METRICS = METRIC_NAMES.filter((metric) => !KINDS.includes(metric));

const EXAMPLES = `
Findings: ${FINDING_KINDS.join(', ')}
Metrics:  ${METRICS.join(', ')}

Without --for: every finding, in two recordings, because lock events are a hundred times as many as all others.

Examples:
  quiesce plan                                       on the machine to be recorded: what its kernel can show
  quiesce plan --for rcu-stall --for blocked-sync    only what these need
  quiesce plan --for rcu-gp,synchronize-rcu --tier light --duration 60s
  quiesce plan --recorder perf                       perf record instead of trace-cmd
  quiesce plan --any-kernel --recorder tracefs       for another machine, without tools`;

interface PlanOptions {
  readonly for?: readonly string[];
  readonly recorder: Recorder;
  readonly duration: number;
  readonly tier?: RecordingTier;
  readonly together?: boolean;
  readonly tracefs?: string;
  readonly anyKernel?: boolean;
  readonly json?: boolean;
}

function parseWanted(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !KINDS.includes(name) && !(METRICS as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`'${unknown}' is no finding and no metric; --help lists them.`);
  return [...before, ...names];
}

function parseSeconds(text: string): number {
  try {
    const seconds = Math.round(parseDuration(text) / 1e9);
    if (seconds >= 1) return seconds;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  throw new InvalidArgumentError('a duration of at least 1s expected: 30s, 5m.');
}

export function registerPlan(program: Command, { streams }: Session): void {
  program
    .command('plan')
    .addOption(new Option('--for <names>', 'findings or metrics wanted; may be repeated').argParser(parseWanted))
    .addOption(new Option('--recorder <tool>', 'tool to record with').choices(RECORDERS).default('trace-cmd'))
    .addOption(new Option('--duration <time>', 'how long to record').argParser(parseSeconds).default(30, '30s'))
    .addOption(new Option('--tier <tier>', 'most that a recording may cost').choices(RECORDING_TIERS))
    .option('--together', 'locks and everything else in one recording')
    .option('--tracefs <folder>', 'tracefs of the kernel to be recorded (default: the one mounted here)')
    .option('--any-kernel', 'do not look at the kernel that runs here')
    .option('--json', 'print as JSON (quiesce.plan/1)')
    .addHelpText('after', EXAMPLES)
    .action((options: PlanOptions) => {
      const wanted = options.for ?? FINDING_KINDS;
      const plan = planRecordings(
        {
          kinds: FINDING_KINDS.filter((kind: FindingKind) => wanted.includes(kind)),
          metrics: METRICS.filter((metric) => wanted.includes(metric)),
          durationS: options.duration,
          ...(options.tier && { tier: options.tier }),
          ...(options.together && { together: true }),
        },
        targetOf(options),
      );
      streams.out(
        options.json ? `${JSON.stringify(plan, null, 1)}\n` : planText(plan, options.recorder, styleOf(streams)),
      );
    });
}

function targetOf({ tracefs, anyKernel }: PlanOptions): TracefsTarget | undefined {
  if (tracefs === undefined) return anyKernel ? undefined : localTracefs();
  const target = readTracefs(tracefs);
  if (target === undefined)
    throw new UsageError(`${tracefs}: available_events cannot be read; is it tracefs, and are you root?`);
  return target;
}
