/**
 * Kernel-log reports as structured facts (MODEL §7). Produced by parsers/console from dmesg text or printk:console events,
 * consumed by replay. Plain data: it crosses threads and is stored as JSON.
 */

/** `<addr> (<name>){usage}-{outer:inner}, at: <site>` (G7.1). */
export interface LogLock {
  /** Class name as lockdep prints it, `#<n>` and `/<subclass>` included. */
  readonly name: string;
  /** Hex text of the instance, without 0x; undefined in chain entries. */
  readonly address?: string;
  /** Four characters of `.-+?` (L5.41); six in kernels before 4.14. */
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
  /** First line of the report as printed, where the report is more than that line's facts. */
  readonly headline?: string;
}

/**
 * Function names of a stack, innermost first, with the `?` (unreliable) frames left out. A kernel `RIP:` (`pc :`) is a frame:
 * it is the function that the interrupt hit.
 */
export type LogStack = readonly string[];

/**
 * Lines of a stack as printed, `?` frames, section marks, offsets, sizes, modules and decoded places included: what addr2line,
 * scripts/faddr2line and scripts/decode_stacktrace.sh take. Missing for an empty stack.
 */
export type LogFrames = readonly string[];

/** A task's or CPU's backtrace (G7.6). */
export interface LogBacktrace {
  /** CPU that it was taken on; undefined for a sleeping task. */
  readonly cpu?: number;
  readonly task?: LogTask;
  /** State letter of a task dump (`R` runnable or running, T58). */
  readonly state?: string;
  readonly stack: LogStack;
  readonly frames?: LogFrames;
  /**
   * How many of the leading frames ran in NMI context (`<NMI>`), and how many after these in interrupt context (`<IRQ>`).
   * `irqFrames` undefined: the trace has no section marks (arm, arm64, old kernels).
   */
  readonly nmiFrames?: number;
  readonly irqFrames?: number;
  /** The CPU was executing user code. */
  readonly userMode?: boolean;
  readonly workqueue?: LogWork;
  /** `NMI backtrace for cpu <n> skipped: idling at …`. */
  readonly idle?: boolean;
  /** Taken by an NMI (`NMI backtrace for cpu <n>`). */
  readonly nmi?: boolean;
}

/** `Workqueue: <name> <fn>` of a worker. */
export interface LogWork {
  readonly name: string;
  readonly fn: string;
}

/** `N locks held by <comm>/<pid>:` and its list, oldest first. */
export interface LogHeldList {
  readonly task: LogTask;
  readonly locks: readonly LogLock[];
}

interface LockdepBase {
  readonly task: LogTask;
  readonly held: readonly LogLock[];
  readonly stack: LogStack;
  readonly frames?: LogFrames;
}

export type LogReport = LogReportBase &
  (
    | (LockdepBase & {
        readonly kind: 'lockdep-circular';
        readonly acquiring: LogLock;
        readonly holding: LogLock;
        /** `-> #k` entries, k ascending: #0 is the lock being acquired. Edge (k−1)→k for each k ≥ 1 (G2.1). Empty in a cut report. */
        readonly chain: readonly { readonly lock: LogLock; readonly stack: LogStack; readonly frames?: LogFrames }[];
      })
    | (LockdepBase & {
        readonly kind: 'lockdep-irq-order';
        readonly irq: 'hardirq' | 'softirq';
        readonly acquiring: LogLock;
        readonly holding: LogLock;
        /** Class names, safe first, unsafe last. */
        readonly safe: string;
        readonly unsafe: string;
        /** Classes of the listing `the dependencies between … irq-safe lock and the holding lock`, safe … holding. */
        readonly safePath?: readonly string[];
        /** Classes between the acquired lock and the unsafe one, acquired … unsafe. */
        readonly unsafePath?: readonly string[];
        /** How the safe class was taken in interrupt context, and the unsafe one with interrupts enabled. */
        readonly safeStack?: LogStack;
        readonly unsafeStack?: LogStack;
        readonly safeFrames?: LogFrames;
        readonly unsafeFrames?: LogFrames;
      })
    | (LockdepBase & {
        readonly kind: 'lockdep-irq-inversion';
        readonly irq: 'hardirq' | 'softirq';
        readonly lock: LogLock;
        /** The other class, and whether this lock took it (`took`) or was taken under it (`taken-by`). */
        readonly other: string;
        readonly direction: 'took' | 'taken-by';
      })
    | (LockdepBase & {
        readonly kind: 'lockdep-irq-state';
        readonly irq: 'hardirq' | 'softirq';
        readonly lock: LogLock;
        /** Usage strings, e.g. IN-HARDIRQ-W → HARDIRQ-ON-W. */
        readonly from: string;
        readonly to: string;
        /** Where the first usage was registered. */
        readonly registered?: LogStack;
        readonly registeredFrames?: LogFrames;
      })
    | (LockdepBase & {
        readonly kind: 'lockdep-recursion';
        readonly acquiring: LogLock;
        readonly holding: LogLock;
      })
    | (LockdepBase & {
        readonly kind: 'lockdep-wait-context';
        readonly lock: LogLock;
        /** `context-{n:n}`; undefined in a cut report. */
        readonly context?: number;
      })
    /** Bad unlock balance, lock held at return to user, nested lock not taken, held lock freed, suspicious RCU usage, … */
    | {
        readonly kind: 'lockdep-misuse';
        readonly title: string;
        /** The line that says what happened (`net/tipc/bearer.c:177 suspicious rcu_dereference_protected() usage!`). */
        readonly detail?: string;
        readonly task?: LogTask;
        readonly locks: readonly LogLock[];
        readonly held?: readonly LogLock[];
        readonly stack: LogStack;
        readonly frames?: LogFrames;
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
        /** t=, in jiffies since the grace period began; `N jiffies` of an expedited report. */
        readonly jiffies?: number;
        /** g=, signed decimal text; `s:` of an expedited report. */
        readonly gpSeq?: string;
        readonly queued?: number;
        readonly online?: number;
        readonly kthread?: {
          readonly kind: 'starved' | 'timer';
          readonly jiffies: number;
          readonly state: string;
          /** `->state=` in hexadecimal: `0x0` runnable or running, else asleep (`0x402`: TASK_IDLE). */
          readonly taskState?: string;
          readonly cpu?: number;
        };
        /** `kthread timer wakeup didn't happen for N jiffies`, and the CPU whose timers it blames. */
        readonly timer?: { readonly jiffies: number; readonly cpu?: number };
        /** `All QSes seen`: jiffies since the grace-period kthread was last active (R2.46). */
        readonly allQuiescent?: number;
        readonly ended?: boolean;
        /** `suppressed full report due to a stuck CSD-lock`. */
        readonly suppressed?: boolean;
        /** `number:` and `cputime:` rows of the cputime table (R2.70). */
        readonly cputime?: {
          readonly hardirqs: number;
          readonly softirqs: number;
          readonly csw: number;
          readonly hardirqMs?: number;
          readonly softirqMs?: number;
          readonly systemMs?: number;
          /** Length of the sampled interval. */
          readonly intervalMs?: number;
        };
        /** Task and CPU dumps that belong to the report. */
        readonly dumps?: readonly LogBacktrace[];
      }
    /** What the grace-period kthread of a flavour does, as `show_rcu_gp_kthreads()` prints it. */
    | {
        readonly kind: 'rcu-kthread';
        readonly flavor: string;
        /** `RCU_GP_WAIT_GPS`: it waits for a request. */
        readonly state: string;
        /** `0x0` runnable or running, else asleep (`0x402`: TASK_IDLE). */
        readonly taskState: string;
        /** Jiffies since it was last active, and since a grace period was last asked for. */
        readonly activityJiffies: number;
        readonly requestJiffies: number;
        /** Signed decimal text. */
        readonly gpSeq: string;
        readonly neededSeq: string;
      }
    | {
        readonly kind: 'hung-task';
        readonly task: LogTask;
        /** Real blocked seconds (G4.1). */
        readonly seconds: number;
        readonly stack: LogStack;
        readonly frames?: LogFrames;
        readonly state?: string;
        /** `can't die for more than`: killed but still running, not blocked. */
        readonly cannotDie?: boolean;
        readonly coredump?: boolean;
        readonly workqueue?: LogWork;
        readonly blocker?: {
          readonly on: 'mutex' | 'semaphore' | 'rw-semaphore';
          readonly owner?: LogTask;
          /** How the task asks for an rw-semaphore. */
          readonly as?: 'reader' | 'writer';
        };
        /** Held list printed inside the report (kernels before 4.16). */
        readonly held?: readonly LogLock[];
      }
    | {
        readonly kind: 'soft-lockup';
        readonly cpu: number;
        readonly seconds: number;
        /** The scheduler's own warning: asked to schedule (need_resched) for so long; may be fractions of a second. */
        readonly resched?: boolean;
        readonly task?: LogTask;
        readonly stack: LogStack;
        readonly frames?: LogFrames;
        readonly irqFrames?: number;
      }
    | {
        readonly kind: 'hard-lockup';
        readonly cpu: number;
        readonly task?: LogTask;
        readonly stack: LogStack;
        readonly frames?: LogFrames;
      }
    /** A CPU spins until another one has done a function call that it asked for (CONFIG_CSD_LOCK_WAIT_DEBUG). */
    | {
        readonly kind: 'csd-lock';
        readonly how: 'detected' | 'continued' | 'unstuck';
        /** `#n`: one wait has it in all of its reports. */
        readonly bug: number;
        /** The CPU that spins, which prints the report. */
        readonly cpu: number;
        /** The CPU whose answer is missing. */
        readonly target?: number;
        readonly waitedNs?: number;
        /** The function that is to run there. */
        readonly fn?: string;
        /** What the target does of such requests, and the function of another one. */
        readonly handling?: 'nothing' | 'this' | 'another';
        readonly handlingFn?: string;
        /** The target's backtrace, and the spinning CPU's own. */
        readonly dumps?: readonly LogBacktrace[];
      }
    | {
        readonly kind: 'workqueue-lockup';
        /** `cpus=0 node=0 flags=0x0 nice=0`. */
        readonly pool: string;
        readonly seconds: number;
        readonly busy: readonly {
          readonly workqueue: string;
          readonly fn: string;
          readonly tid?: number;
          readonly state: 'in-flight' | 'pending' | 'inactive';
          /** Pool of the pwq, in the form of `pool` above. */
          readonly pool?: string;
          /** ` for <n>s` of newer kernels. */
          readonly seconds?: number;
        }[];
        readonly dumps?: readonly LogBacktrace[];
      }
    | {
        readonly kind: 'sleep-in-atomic';
        readonly how: 'sleeping-function' | 'scheduling';
        /** `<file>:<line>` of the sleeping function, or the preempt count of `scheduling while atomic`. */
        readonly where: string;
        readonly task?: LogTask;
        readonly held: readonly LogLock[];
        readonly stack: LogStack;
        readonly frames?: LogFrames;
        /** `in_atomic()`, `irqs_disabled()` as printed. */
        readonly inAtomic?: number;
        readonly irqsDisabled?: number;
        readonly preemptCount?: number;
      }
    | {
        readonly kind: 'perf-interrupt';
        readonly averageNs: number;
        readonly allowedNs: number;
        readonly rateHz: number;
      }
    | { readonly kind: 'nmi-handler-long'; readonly handler: string; readonly durationNs: number }
    /** `hrtimer: interrupt took <n> ns`. */
    | { readonly kind: 'hrtimer-long'; readonly durationNs: number }
    /** `Showing all locks held`, or one task's held list outside another report. */
    | { readonly kind: 'held-locks'; readonly tasks: readonly LogHeldList[] }
    /** A task or CPU backtrace outside another report (sysrq, NMI backtrace, warnings). */
    | ({ readonly kind: 'backtrace' } & LogBacktrace)
    /** The kernel panicked for a stall or a hung task; pstore often keeps this line alone. */
    | { readonly kind: 'panic'; readonly why: 'rcu-stall' | 'hung-task' }
    /** A line that looks like a report or a piece of one, which no grammar has read: nothing is concluded about such reports. */
    | { readonly kind: 'unread'; readonly about: readonly string[]; readonly text: string }
    /** Boot banner: begins a boot. */
    | { readonly kind: 'banner'; readonly release: string; readonly version: string }
    /** One fact about the kernel that a boot message or a report's header states (MODEL §0, P0.1–P0.3). */
    | ({ readonly kind: 'kernel-setting' } & KernelSetting)
  );

/** `field` is a field of KernelProfile, except `lockdep` (the validator is built in). */
export type KernelSetting =
  | { readonly field: 'release'; readonly value: string }
  | {
      readonly field: 'hz' | 'rcuStallTimeoutS' | 'hungTaskTimeoutS' | 'wqWatchdogThreshS' | 'possibleCpus';
      readonly value: number;
    }
  | { readonly field: 'rt' | 'preemptRcu' | 'proveRcu' | 'x86' | 'lockdep'; readonly value: boolean };

export type LogReportKind = LogReport['kind'];
