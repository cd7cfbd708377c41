/**
 * RCU stall warnings (MODEL 7.3; kernel/rcu/tree_stall.h print_cpu_stall, print_other_cpu_stall, print_cpu_stall_info,
 * rcu_check_gp_kthread_starvation; kernel/rcu/tasks.h check_all_holdout_tasks; kernel/rcu/tree_exp.h synchronize_rcu_expedited_stall).
 */
import type { LogBacktrace, LogReport } from '../../../schema/index.ts';
import type { LogLine, ReportBody, ReportBuilder } from './report-builder.ts';

type Stall = Extract<LogReport, { kind: 'rcu-stall' }>;
type StallCpu = Stall['cpus'][number];

const MAX_CPUS = 1024;
const MAX_TASKS = 256;
const MAX_DUMPS = 128;

const HEADERS: readonly (readonly [RegExp, Stall['how']])[] = [
  [/^INFO: (\S+) (?:detected expedited stalls on CPUs\/tasks:|detected expedited stalls, but)/, 'expedited'],
  [/^INFO: (rcu_tasks\S*) detected stalls on tasks:/, 'tasks'],
  [/^INFO: (\S+) self-detected stall on CPU/, 'self'],
  [/^INFO: (\S+) detected (?:stalls? on CPUs?(?:\/tasks)?|stall, but)/, 'other'],
];

/** The text without the `rcu: ` that current kernels print in front (G0.6), and without the tab behind it, which some consoles show as `?`. */
export function withoutRcuPrefix(text: string): string {
  const plain = text.startsWith('rcu: ') ? text.slice(5) : text;
  return plain.charCodeAt(0) === QUESTION && /^\?[(\d]/.test(plain) ? plain.slice(1) : plain;
}

const QUESTION = 0x3f;

/**
 * A builder when the line begins a stall report:
 *
 *     rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
 *     INFO: rcu_sched self-detected stall on CPU { 0}  (t=65000 jiffies g=48068 c=48067 q=7339)
 *     rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-...D } 26003 jiffies s: 105 root: 0x2/.
 *     INFO: rcu_tasks detected stalls on tasks:
 */
export function openStall(text: string): StallBuilder | undefined {
  for (const [header, how] of HEADERS) {
    const match = header.exec(text);
    if (match) return new StallBuilder(match[1], how, text.slice(match[0].length));
  }
  // The kthread's own complaint stands alone when the header was lost.
  const kthread = KTHREAD.exec(text);
  if (!kthread) return undefined;
  const builder = new StallBuilder(kthread[1], 'other', '');
  builder.kthread(kthread);
  return builder;
}

const KTHREAD =
  /^(\S+) kthread (starved for|timer wakeup didn't happen for) (\d+) jiffies!(?: g(-?\d+) (?:c-?\d+ )?f0x[0-9a-f]+ ([A-Z_]+|s?\d+)(?:\(-?\d+\))?(?: ->state=(0x[0-9a-f]+))?(?: ->cpu=(\d+))?)?/;
const CPU_LINE = /^\s*(\d{1,5})(?:-([.OoNd?!0-9 ]{3,4}))?: \((\d+) (ticks this GP|GPs behind)\)(?: idle=(\S+))?/;
const FOOTER =
  /\((?:detected by (\d+), )?t=(\d+) jiffies,?(?: g=(-?\d+),?)?(?: c=-?\d+,?)?(?: q=(\d+))?(?: ncpus=(\d+))?/;

export class StallBuilder implements ReportBuilder {
  readonly family = 'stall';
  readonly done = false;
  readonly flavor: string;
  readonly #how: Stall['how'];
  /** The headline goes on as the kernel's never does: a title in prose, unless lines of a report follow. */
  readonly #prose: boolean;
  readonly #cpus: StallCpu[] = [];
  readonly #tasks: { tid: number; comm?: string; state?: string }[] = [];
  readonly #dumps: LogBacktrace[] = [];
  #detectedBy: number | undefined;
  #jiffies: number | undefined;
  #gpSeq: string | undefined;
  #queued: number | undefined;
  #online: number | undefined;
  #kthread: Stall['kthread'];
  #timer: Stall['timer'];
  #allQuiescent: number | undefined;
  #ended = false;
  #suppressed = false;
  #cputime: Stall['cputime'];
  /** The list in braces of an expedited report goes on, over several lines when its pieces were printed apart (G0.3). */
  #listing: boolean;
  #holdoutDue = false;
  #blockedSeen = false;

  constructor(flavor: string, how: Stall['how'], rest: string) {
    this.flavor = flavor;
    this.#how = how;
    this.#listing = how === 'expedited';
    this.#prose = how !== 'expedited' && !/^[\s:]*$|^\s*(?:[{(\d]|due to|but)/.test(rest);
    if (rest.includes('suppressed') || /^ due to/.test(rest)) this.#suppressed = true;
    if (how === 'expedited') this.#expedited(rest);
    else this.#oldHeader(rest);
  }

  /** Expedited and Tasks reports have none of the normal report's lines: those are another report's. */
  get #normal(): boolean {
    return this.#how === 'self' || this.#how === 'other';
  }

  suspend(): void {
    // Stacks are dumps of their own.
  }

  /** `{ 2} (detected by 0, t=65008 jiffies, g=48068, c=48067, q=7339)`, ` 0 (t=6500 jiffies)`: all on the header's line. */
  #oldHeader(rest: string): void {
    const braces = /\{([\s\d]*)\}/.exec(rest);
    const list = braces ? braces[1] : (/^ (\d+)(?= \()/.exec(rest)?.[1] ?? '');
    for (const cpu of list.split(/\s+/)) if (cpu) this.#cpu({ cpu: Number(cpu), flags: '' });
    this.#footer(rest);
  }

  #cpu(cpu: StallCpu): void {
    if (this.#cpus.length < MAX_CPUS && !this.#cpus.some((seen) => seen.cpu === cpu.cpu)) this.#cpus.push(cpu);
  }

  accept(line: LogLine): boolean {
    const text = withoutRcuPrefix(line.text).trimEnd();
    const trimmed = text.trimStart();
    switch (trimmed.charCodeAt(0)) {
      case 0x28: // (
        return this.#normal && this.#footer(trimmed);
      case 0x54: // T
        return (this.#normal && this.#blocked(trimmed)) || LAYOUT.test(trimmed);
      case 0x49: // I
        return this.#end(trimmed);
      case 0x7d: // }
        return this.#listing && this.#expedited(trimmed);
      default:
        return (
          (this.#normal && (this.#cpuLine(trimmed) || this.#moreBlocked(trimmed))) ||
          this.#kthreadLine(trimmed) ||
          this.#cputimeLine(trimmed) ||
          this.#holdout(trimmed) ||
          (this.#listing && /^(?:P?\d+|\d+-[.\w]+)\b/.test(trimmed) && this.#expedited(trimmed)) ||
          LAYOUT.test(trimmed)
        );
    }
  }

  /** `1-....: (2603 ticks this GP) idle=61e/1/0x40000002 softirq=26532/26532 fqs=1286 (false positive?)` */
  #cpuLine(text: string): boolean {
    const match = CPU_LINE.exec(text);
    if (!match) return false;
    const count = Number(match[3]);
    this.#cpu({
      cpu: Number(match[1]),
      flags: match[2] ?? '',
      ...(match[4] === 'GPs behind' ? { gpsBehind: count } : { ticks: count }),
      ...(match[5] !== undefined && { idle: match[5] }),
      ...(text.includes('(false positive?)') && { falsePositive: true }),
    });
    this.#footer(text.slice(match[0].length));
    return true;
  }

  /** `(detected by 1, t=10502 jiffies, g=49045, q=284 ncpus=2)`, `(t=2603 jiffies g=52717 q=8)` */
  #footer(text: string): boolean {
    const match = FOOTER.exec(text);
    if (!match) return false;
    if (match[1] !== undefined) this.#detectedBy = Number(match[1]);
    this.#jiffies = Number(match[2]);
    if (match[3] !== undefined) this.#gpSeq = match[3];
    if (match[4] !== undefined) this.#queued = Number(match[4]);
    if (match[5] !== undefined) this.#online = Number(match[5]);
    return true;
  }

  /** `Tasks blocked on level-0 rcu_node (CPUs 0-1): P9294/1:b..l P282` */
  #blocked(text: string): boolean {
    if (!text.startsWith('Tasks blocked on level-')) return false;
    this.#blockedSeen = true;
    this.#taskTokens(text.slice(text.indexOf(':') + 1));
    return true;
  }

  /** ` P81`, ` P83/1:b..l`: printed piece by piece, so that printk:console events have each task apart (G0.3). */
  #moreBlocked(text: string): boolean {
    if (!this.#blockedSeen || !/^P\d{1,10}(?:\/\d+:[a-z.]+)?(?:\s|$)/.test(text)) return false;
    this.#taskTokens(text);
    return true;
  }

  #taskTokens(text: string): void {
    for (const [, tid, state] of text.matchAll(/\bP(\d{1,10})(?:\/\d+:([a-z.]+))?/g)) {
      if (this.#tasks.length >= MAX_TASKS || this.#tasks.some((task) => task.tid === Number(tid))) continue;
      this.#tasks.push(state === undefined ? { tid: Number(tid) } : { tid: Number(tid), state });
    }
  }

  /** `{ P4093 1-O.ND 3-... } 26003 jiffies s: 105 root: 0x2/.` */
  #expedited(text: string): boolean {
    this.#taskTokens(text);
    for (const [, cpu, flags] of text.matchAll(/(?:^|[\s{])(\d{1,5})-([.OoND]{3,4})(?=[\s}]|$)/g))
      this.#cpu({ cpu: Number(cpu), flags });
    const end = /\} (\d+) jiffies s: (-?\d+)/.exec(text);
    if (end) {
      this.#jiffies = Number(end[1]);
      this.#gpSeq = end[2];
      this.#listing = false;
    }
    return true;
  }

  #end(text: string): boolean {
    if (!/^INFO: (?:Expedited stall|Stall) ended /.test(text)) return false;
    this.#ended = true;
    return true;
  }

  #kthreadLine(text: string): boolean {
    const match = text.includes(' kthread ') ? KTHREAD.exec(text) : null;
    if (match && match[1] === this.flavor) {
      this.kthread(match);
      return true;
    }
    const timer = /^Possible timer handling issue on cpu=(\d+)/.exec(text);
    if (timer) {
      this.#timer = { jiffies: this.#timer?.jiffies ?? 0, cpu: Number(timer[1]) };
      if (!this.#kthread) return true;
      if (this.#kthread.kind === 'timer') this.#kthread = { ...this.#kthread, cpu: Number(timer[1]) };
      return true;
    }
    const quiet = /^All QSes seen, last (\S+) kthread activity (\d+) /.exec(text);
    if (quiet) this.#allQuiescent = Number(quiet[2]);
    return quiet !== null;
  }

  /** `rcu_preempt kthread starved for 10500 jiffies! g49045 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1` */
  kthread(match: RegExpExecArray): void {
    if (match[4] !== undefined) this.#gpSeq ??= match[4];
    const starved = match[2] === 'starved for';
    if (!starved) this.#timer = { ...this.#timer, jiffies: Number(match[3]) };
    // "starved" is the stronger statement; the timer line may come with it.
    if (!starved && this.#kthread?.kind === 'starved') return;
    this.#kthread = {
      kind: starved ? 'starved' : 'timer',
      jiffies: Number(match[3]),
      state: match[5] ?? 'unknown',
      ...(match[6] !== undefined && { taskState: match[6] }),
      ...(match[7] !== undefined && { cpu: Number(match[7]) }),
    };
  }

  /**
   *              hardirqs   softirqs   csw/system
   *      number:      624         45            0
   *     cputime:       69          1         2425   ==> 2500(ms)
   */
  #cputimeLine(text: string): boolean {
    const match = /^(number|cputime):\s+(\d+)\s+(\d+)\s+(\d+)(?:\s+==> (\d+)\(ms\))?/.exec(text);
    if (!match) return text.startsWith('hardirqs   softirqs');
    const [hardirqs, softirqs, last] = [Number(match[2]), Number(match[3]), Number(match[4])];
    if (match[1] === 'number') this.#cputime ??= { hardirqs, softirqs, csw: last };
    else if (this.#cputime && this.#cputime.hardirqMs === undefined)
      this.#cputime = {
        ...this.#cputime,
        hardirqMs: hardirqs,
        softirqMs: softirqs,
        systemMs: last,
        ...(match[5] !== undefined && { intervalMs: Number(match[5]) }),
      };
    return true;
  }

  /** `ffff88802f594a80: .. nvcsw: 2/2 holdout: 1 idle_cpu: -1/1`, then the task's dump; Tasks Trace: `P123: .I nesting: 1`. */
  #holdout(text: string): boolean {
    if (this.#how !== 'tasks') return false;
    if (/^[0-9a-f]{8,16}: [.I][.N] nvcsw:/.test(text)) {
      this.#holdoutDue = true;
      return true;
    }
    if (!/^P\d+: /.test(text)) return false;
    this.#taskTokens(text.slice(0, text.indexOf(':')));
    return true;
  }

  get #empty(): boolean {
    return this.#cpus.length + this.#tasks.length === 0 && this.#jiffies === undefined && !this.#kthread;
  }

  adopt(dump: LogBacktrace): boolean {
    if (this.#holdoutDue && dump.task && this.#tasks.length < MAX_TASKS) {
      this.#holdoutDue = false;
      this.#tasks.push({
        tid: dump.task.tid,
        comm: dump.task.comm,
        ...(dump.state !== undefined && { state: dump.state }),
      });
    }
    if (this.#dumps.length < MAX_DUMPS) this.#dumps.push(dump);
    return true;
  }

  finish(): ReportBody | undefined {
    if (this.#prose && this.#empty) return undefined;
    return {
      kind: 'rcu-stall',
      flavor: this.flavor,
      how: this.#how,
      cpus: this.#cpus,
      tasks: this.#tasks,
      ...(this.#detectedBy !== undefined && { detectedBy: this.#detectedBy }),
      ...(this.#jiffies !== undefined && { jiffies: this.#jiffies }),
      ...(this.#gpSeq !== undefined && { gpSeq: this.#gpSeq }),
      ...(this.#queued !== undefined && { queued: this.#queued }),
      ...(this.#online !== undefined && { online: this.#online }),
      ...(this.#kthread && { kthread: this.#kthread }),
      ...(this.#timer && { timer: this.#timer }),
      ...(this.#allQuiescent !== undefined && { allQuiescent: this.#allQuiescent }),
      ...(this.#ended && { ended: true }),
      ...(this.#suppressed && { suppressed: true }),
      ...(this.#cputime && { cputime: this.#cputime }),
      ...(this.#dumps.length > 0 && { dumps: this.#dumps }),
    };
  }
}

const LAYOUT =
  /^(?:$|Unless \S+ kthread gets|RCU grace-period kthread stack dump|Stack dump where RCU|RCU GP kthread last ran|Sending NMI|blocking rcu_node structures|Offline CPU \d+ blocking|Task dump for CPU)/;
