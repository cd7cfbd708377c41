/** Reports of one line: the perf ladder, long interrupts, validator off, boot banner and boot messages with settings. */
import type { KernelSetting } from '../../../schema/index.ts';
import { parseCommandLine } from '../text/command-line.ts';
import { parseCsdRelease } from './csd-builder.ts';
import type { ReportBody } from './report-builder.ts';

/**
 * Reads a one-line report.
 *
 *     perf: interrupt took too long (2510 > 2500), lowering kernel.perf_event_max_sample_rate to 79500
 *     INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.013 msecs
 *     hrtimer: interrupt took 32914615 ns
 *     BUG: MAX_LOCKDEP_ENTRIES too low!
 *     Linux version 6.12.117-labA (root@lab) (gcc …) #2 SMP PREEMPT …
 */
export function parseSingleLine(text: string): ReportBody | undefined {
  switch (text.charCodeAt(0)) {
    case 0x70: // p
      return perfInterrupt(text);
    case 0x68: {
      const match = /^hrtimer: interrupt took (\d{1,15}) ns/.exec(text);
      return match ? { kind: 'hrtimer-long', durationNs: Number(match[1]) } : undefined;
    }
    case 0x72: // r
      return gpKthread(text);
    case 0x63: // c
    case 0x73: // s
      return text.includes('got unstuck') ? parseCsdRelease(text) : undefined;
    case 0x49: // I
      return nmiHandler(text) ?? lockdepOff(text);
    case 0x42: // B
    case 0x74: // t
      return lockdepOff(text) ?? misuse(text);
    case 0x4b: // K
      return panic(text);
    case 0x4c: // L
      return banner(text);
    default:
      return undefined;
  }
}

/**
 *     rcu: rcu_preempt: wait state: RCU_GP_WAIT_GPS(1) ->state: 0x402 ->rt_priority 0 delta ->gp_start 2741 ->gp_activity 2737 ->gp_req_activity 2732 …
 *     ->gp_seq 312 ->gp_seq_needed 316 …
 */
function gpKthread(text: string): ReportBody | undefined {
  if (!text.includes('wait state: ')) return undefined;
  const match =
    /^(?:rcu: )?(rcu_\w{1,32}): wait state: (\w{1,32})\(-?\d+\) ->state: (0x[0-9a-f]{1,8}) .{0,80}?->gp_activity (\d{1,19}) ->gp_req_activity (\d{1,19}) .{0,120}?->gp_seq (-?\d{1,20}) ->gp_seq_needed (-?\d{1,20})/.exec(
      text,
    );
  if (!match) return undefined;
  const [, flavor, state, taskState, activity, request, gpSeq, neededSeq] = match;
  return {
    kind: 'rcu-kthread',
    flavor,
    state,
    taskState,
    activityJiffies: Number(activity),
    requestJiffies: Number(request),
    gpSeq,
    neededSeq,
    headline: text.trimEnd(),
  };
}

function perfInterrupt(text: string): ReportBody | undefined {
  const match =
    /^perf:? (?:interrupt took too long|samples too long) \((\d{1,15}) > (\d{1,15})\), lowering kernel\.perf_event_max_sample_rate to (\d{1,9})/.exec(
      text,
    );
  if (!match) return undefined;
  return {
    kind: 'perf-interrupt',
    averageNs: Number(match[1]),
    allowedNs: Number(match[2]),
    rateHz: Number(match[3]),
  };
}

function nmiHandler(text: string): ReportBody | undefined {
  const match = /^INFO: NMI handler \((.{1,200})\) took too long to run: (\d{1,9})\.(\d{3}) msecs/.exec(text);
  if (!match) return undefined;
  return {
    kind: 'nmi-handler-long',
    handler: match[1],
    durationNs: Number(match[2]) * 1e6 + Number(match[3]) * 1e3,
  };
}

function lockdepOff(text: string): ReportBody | undefined {
  const limit = /^BUG: ((?:MAX_LOCK\S*|MAX_STACK_TRACE\S*|MAX_LOCKDEP\S*) too low!)/.exec(text);
  if (limit) return { kind: 'lockdep-off', why: limit[1] };
  if (
    text.startsWith('INFO: lockdep is turned off.') ||
    text.startsWith('turning off the locking correctness validator')
  )
    return { kind: 'lockdep-off', why: text.replace(/^INFO: /, '').trim() };
  return undefined;
}

/** Spinlock debugging: lock facts without a lockdep report. */
function misuse(text: string): ReportBody | undefined {
  const match =
    /^BUG: ((?:spinlock|rwlock) (?:recursion|lockup|bad magic|already unlocked|wrong|trylock|cpu recursion)\b.{0,200})$/.exec(
      text.trimEnd(),
    );
  return match ? { kind: 'lockdep-misuse', title: match[1], locks: [], stack: [] } : undefined;
}

/** kernel/hung_task.c check_hung_uninterruptible_tasks, kernel/rcu/tree_stall.h panic_on_rcu_stall; lockups have a reader of their own. */
function panic(text: string): ReportBody | undefined {
  const match = /^Kernel panic - not syncing: (?:(RCU Stall)|hung_task: blocked tasks)\s*$/.exec(text);
  return match ? { kind: 'panic', why: match[1] ? 'rcu-stall' : 'hung-task', headline: text.trimEnd() } : undefined;
}

function banner(text: string): ReportBody | undefined {
  const match = /^Linux version (\S{1,128}) (.{0,2000})$/.exec(text.trimEnd());
  if (!match) return undefined;
  // `… #2 SMP PREEMPT_RT Thu Nov 20 …`: the version words follow the compiler's brackets.
  const version = match[2].slice(Math.max(0, match[2].lastIndexOf(' #') + 1));
  return { kind: 'banner', release: match[1], version };
}

/** Boot messages that state a setting (MODEL §0): beginning of the text (without `rcu: `) → setting. */
const SETTINGS: readonly (readonly [RegExp, (match: RegExpExecArray) => KernelSetting])[] = [
  // j = HZ/10 rounded up to the jiffies of a scan (kernel/rcu/tree.c adjust_jiffies_till_sched_qs)
  [
    /^\s*RCU calculated value of scheduler-enlistment delay is (10|25|30|100) jiffies/,
    (m) => ({ field: 'hz', value: Number(m[1]) * 10 }),
  ],
  [
    /^\s*(Preemptible )?[Hh]ierarchical RCU implementation/,
    (m) => ({ field: 'preemptRcu', value: m[1] !== undefined }),
  ],
  [/^\s*RCU lockdep checking is enabled/, () => ({ field: 'proveRcu', value: true })],
  [
    /^\s*RCU CPU stall warnings timeout set to (\d{1,4}) \(rcu_cpu_stall_timeout\)/,
    (m) => ({ field: 'rcuStallTimeoutS', value: Number(m[1]) }),
  ],
  [
    /^\s*RCU restricting CPUs from NR_CPUS=\d+ to nr_cpu_ids=(\d{1,5})/,
    (m) => ({ field: 'possibleCpus', value: Number(m[1]) }),
  ],
  [/^\s*SLUB: HWalign=\d+, .*\bCPUs=(\d{1,5})\b/, (m) => ({ field: 'possibleCpus', value: Number(m[1]) })],
  [/^Lock dependency validator: Copyright/, () => ({ field: 'lockdep', value: true })],
  [/^(?:x86\/fpu|BIOS-e820|smpboot): /, () => ({ field: 'x86', value: true })],
];

export function parseSettings(text: string): readonly KernelSetting[] {
  if (!/RCU|SLUB|ommand line|validator:|x86\/fpu|BIOS-e820|smpboot/.test(text)) return [];
  for (const [pattern, setting] of SETTINGS) {
    const match = pattern.exec(text);
    if (match) return [setting(match)];
  }
  return parseCommandLine(text) ?? [];
}

/**
 * Settings in the kernel's own description of itself, at the end of a `CPU: … Comm:` header or in a report's second line:
 * `Not tainted 6.13.0-rt #2 PREEMPT_{RT,(full)}`, `Tainted: G           O       6.12.117-labA #2`.
 */
export function parseTaintLine(text: string): KernelSetting[] {
  const match = /^(?:Not tainted|Tainted: [A-Z ]{1,40}?) +(\d+\.\d+[^\s#]*) ?(#.{0,200})?$/.exec(text.trimEnd());
  if (!match) return [];
  const settings: KernelSetting[] = [{ field: 'release', value: match[1] }];
  if (/\bPREEMPT_(?:RT|\{RT)/.test(match[2] ?? '')) settings.push({ field: 'rt', value: true });
  return settings;
}
