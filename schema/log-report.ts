/**
 * Kernel-log reports as structured facts (MODEL §7). Produced by parsers/console from dmesg text or printk:console events,
 * consumed by replay. Plain data: it crosses threads and is stored as JSON.
 */

/** `<addr> (<name>){usage}-{outer:inner}, at: <site>` (G7.1). */
export interface LogLock {
  readonly name: string;
  /** Hex text of the instance, without 0x; undefined in chain entries. */
  readonly address?: string;
  /** Four characters of `.-+?` (L5.41). */
  readonly usage?: string;
  readonly outer?: number;
  readonly inner?: number;
  readonly site?: string;
}

export interface LogTask {
  readonly comm: string;
  readonly tid: number;
}

interface LogReportBase {
  readonly tsNs: number;
  /** First and last line of the report in its capture; 0 when it came from printk:console events. */
  readonly line: number;
  readonly endLine: number;
  readonly cpu?: number;
}

/** Function names of a stack, innermost first, with the `?` (unreliable) frames left out. */
export type LogStack = readonly string[];

export type LogReport = LogReportBase &
  (
    | {
        readonly kind: 'lockdep-circular';
        readonly task: LogTask;
        readonly acquiring: LogLock;
        readonly holding: LogLock;
        /** `-> #k` entries, k ascending: #0 is the lock being acquired. Edge (k−1)→k for each k ≥ 1 (G2.1). */
        readonly chain: readonly { readonly lock: LogLock; readonly stack: LogStack }[];
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    | {
        readonly kind: 'lockdep-irq-order';
        readonly irq: 'hardirq' | 'softirq';
        readonly task: LogTask;
        readonly acquiring: LogLock;
        readonly holding: LogLock;
        /** Class names, safe first, unsafe last. */
        readonly safe: string;
        readonly unsafe: string;
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    | {
        readonly kind: 'lockdep-irq-inversion';
        readonly irq: 'hardirq' | 'softirq';
        readonly task: LogTask;
        readonly lock: LogLock;
        /** The other class, and whether this lock took it (`took`) or was taken under it (`taken-by`). */
        readonly other: string;
        readonly direction: 'took' | 'taken-by';
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    | {
        readonly kind: 'lockdep-irq-state';
        readonly irq: 'hardirq' | 'softirq';
        readonly task: LogTask;
        readonly lock: LogLock;
        /** Usage strings, e.g. IN-HARDIRQ-W → HARDIRQ-ON-W. */
        readonly from: string;
        readonly to: string;
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    | {
        readonly kind: 'lockdep-recursion';
        readonly task: LogTask;
        readonly acquiring: LogLock;
        readonly holding: LogLock;
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    | {
        readonly kind: 'lockdep-wait-context';
        readonly task: LogTask;
        readonly lock: LogLock;
        /** `context-{n:n}`; undefined in a cut report. */
        readonly context?: number;
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    /** Bad unlock balance, lock held at return to user, nested lock not taken, held lock freed, suspicious RCU usage, … */
    | {
        readonly kind: 'lockdep-misuse';
        readonly title: string;
        readonly task?: LogTask;
        readonly locks: readonly LogLock[];
        readonly stack: LogStack;
      }
    /** The validator switched itself off (limits reached, or after its first report). */
    | { readonly kind: 'lockdep-off'; readonly why: string }
    | {
        readonly kind: 'rcu-stall';
        readonly flavor: string;
        readonly how: 'self' | 'other' | 'expedited' | 'tasks';
        readonly cpus: readonly {
          readonly cpu: number;
          readonly flags: string;
          readonly ticks?: number;
          readonly gpsBehind?: number;
          readonly idle?: string;
          readonly falsePositive?: boolean;
        }[];
        /** Tasks listed as blocking; suffix letters as printed, undefined = was on a CPU (T10). */
        readonly tasks: readonly { readonly tid: number; readonly comm?: string; readonly state?: string }[];
        readonly detectedBy?: number;
        /** t=, in jiffies since the grace period began; undefined in expedited reports (see `jiffies`). */
        readonly jiffies?: number;
        /** g=, signed decimal text. */
        readonly gpSeq?: string;
        readonly queued?: number;
        readonly online?: number;
        readonly kthread?: {
          readonly kind: 'starved' | 'timer';
          readonly jiffies: number;
          readonly state: string;
          readonly cpu?: number;
        };
        readonly ended?: boolean;
        /** `number:` and `cputime:` rows of the cputime table (R2.70). */
        readonly cputime?: {
          readonly hardirqs: number;
          readonly softirqs: number;
          readonly csw: number;
          readonly hardirqMs?: number;
          readonly softirqMs?: number;
          readonly systemMs?: number;
        };
      }
    | {
        readonly kind: 'hung-task';
        readonly task: LogTask;
        /** Real blocked seconds (G4.1). */
        readonly seconds: number;
        readonly stack: LogStack;
        readonly workqueue?: { readonly name: string; readonly fn: string };
        readonly blocker?: { readonly on: 'mutex' | 'semaphore' | 'rw-semaphore'; readonly owner?: LogTask };
      }
    | {
        readonly kind: 'soft-lockup';
        readonly cpu: number;
        readonly seconds: number;
        readonly task?: LogTask;
        readonly stack: LogStack;
      }
    | { readonly kind: 'hard-lockup'; readonly cpu: number; readonly stack: LogStack }
    | {
        readonly kind: 'workqueue-lockup';
        readonly pool: string;
        readonly seconds: number;
        readonly busy: readonly {
          readonly workqueue: string;
          readonly fn: string;
          readonly tid?: number;
          readonly state: 'in-flight' | 'pending' | 'inactive';
        }[];
      }
    | {
        readonly kind: 'sleep-in-atomic';
        readonly how: 'sleeping-function' | 'scheduling';
        readonly where: string;
        readonly task?: LogTask;
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
      }
    | {
        readonly kind: 'perf-interrupt';
        readonly averageNs: number;
        readonly allowedNs: number;
        readonly rateHz: number;
      }
    | { readonly kind: 'nmi-handler-long'; readonly handler: string; readonly durationNs: number }
    /** `Showing all locks held`, or one task's held list outside another report. */
    | {
        readonly kind: 'held-locks';
        readonly tasks: readonly { readonly task: LogTask; readonly locks: readonly LogLock[] }[];
      }
    /** A task or CPU backtrace outside another report (sysrq, NMI backtrace). */
    | {
        readonly kind: 'backtrace';
        readonly task?: LogTask;
        readonly state?: string;
        readonly stack: LogStack;
        readonly workqueue?: { readonly name: string; readonly fn: string };
        readonly idle?: boolean;
        readonly nmi?: boolean;
      }
    /** Boot banner: begins a boot. */
    | { readonly kind: 'banner'; readonly release: string; readonly version: string }
  );

export type LogReportKind = LogReport['kind'];
