/**
 * What all findings have, and the parts that the keys of their kinds are made of (DESIGN "--json of replay"). Key names are the JSON
 * contract, therefore snake_case.
 */

export type Severity = 'error' | 'warning' | 'info';
/** `reported` by the kernel · `observed` in events · `inferred` by a named heuristic · `predicted` for a reordering of this run. */
export type Confidence = 'reported' | 'observed' | 'inferred' | 'predicted';

export const ROOT_KINDS = [
  'nmi-storm',
  'irq-storm',
  'softirq-storm',
  'cpu-hog',
  'reader-running',
  'reader-preempted',
  'reader-sleeping',
  'srcu-reader',
  'gp-kthread-starved',
  'timer-lost',
  'workqueue-starved',
  'lock-holder',
  'deadlock',
  'unknown',
] as const;
export type RootKind = (typeof ROOT_KINDS)[number];

/** The storm of each kind of interrupt: a finding and a root alike. */
export const STORM_KINDS = { nmi: 'nmi-storm', hardirq: 'irq-storm', softirq: 'softirq-storm' } as const;

/**
 * Stands for many events: those named `events` (all, when it is missing) from the evidence's own event to `to`, recorded on that CPU, or
 * recorded by that task or naming it in a field.
 */
export interface EvidenceRange {
  readonly to: number;
  readonly events?: readonly string[];
  readonly cpu?: number;
  readonly tid?: number;
}

/** Ends the role of an event that proves only that its kind is recorded; reports list such events last. */
export const RECORDED_FROM_HERE = 'recorded from here on';

/**
 * An event of the run, or a line of a kernel log, and what it proves. Replaying the evidence of a finding alone, ranges unfolded, gives
 * the finding again (MODEL O26).
 */
export type Evidence =
  | {
      readonly event: number;
      readonly role: string;
      readonly range?: EvidenceRange;
      /** The line of the kernel log that the event carried, where a report begins with it. */
      readonly text?: string;
    }
  | {
      readonly line: number;
      readonly role: string;
      /** The line as the kernel printed it, where a report begins there, and the report's stack: scripts/decode_stacktrace.sh reads it. */
      readonly text?: string;
      readonly stack?: readonly string[];
    };

export type ChainLinkKind =
  | 'task'
  | 'lock'
  | 'rcu-gp'
  | 'srcu-gp'
  | 'tasks-gp'
  | 'work'
  | 'worker'
  | 'reader'
  | 'cpu'
  | 'nmi'
  | 'hardirq'
  | 'softirq'
  | 'kthread';

/**
 * One link from the blocked task to the root. Exclusive blame: the links' `blame_ns` sum to the blocked time (MODEL 4.5).
 * The links that lead to the root come first, each waiting for the next; side branches follow, each after the link that waits for it (W4.30).
 */
export interface ChainLink {
  readonly kind: ChainLinkKind;
  readonly name: string;
  readonly tid?: number;
  readonly cpu?: number;
  readonly blame_ns: number;
  /** Index in the chain of the link that waits for this one; missing for the blocked task. */
  readonly parent?: number;
  /** Edge of the wait-for graph that leads here: `W4` (MODEL 4.1). */
  readonly rule?: string;
  /** The event, or the line of the log, that shows it. */
  readonly event?: number;
  readonly line?: number;
  /** It is on the way already: it closes the cycle. */
  readonly closes?: boolean;
  /** What this link was doing, one phrase (`closing a perf event`, `waits in synchronize_rcu`). */
  readonly note?: string;
  /** Rules of docs/MODEL.md that the note rests on. */
  readonly rules?: readonly string[];
}

/**
 * Why a grace period of a srcu_struct took its time (MODEL S3.60): its worker waited for RCU · readers · no worker · the irq_work that queues
 * the work did not run · nothing was queued · callbacks came late · the worker waited for a mutex · none of these.
 */
export const SRCU_CAUSES = [
  'SRCU_RCU',
  'SRCU_READERS',
  'WORKQ_STARVED',
  'IRQWORK_NOT_RUN',
  'LOST',
  'CALLBACK_BACKLOG',
  'SRCU_MUTEX',
  'OTHER',
] as const;
export type SrcuCause = (typeof SRCU_CAUSES)[number];

/** Why a CPU or a reader held a grace period up: the codes of MODEL 2.7. */
export const HOLDOUT_CODES = [
  'VM_STOLEN',
  'CPU_OFFLINE_RACE',
  'IRQS_OFF',
  'NMI_LOAD',
  'HARDIRQ_LOAD',
  'SOFTIRQ_LOAD',
  'RT_HOG',
  'KERNEL_LOOP',
  'REPORT_LATENCY',
  'TICKLESS_USER',
  'READER_RUNNABLE',
  'READER_RUNNING_LONG',
  'READER_BLOCKED',
  'READER_NMI_STARVED',
  'DEFERRED_UNLOCK',
  'UNKNOWN',
] as const;
export type HoldoutCode = (typeof HOLDOUT_CODES)[number];

/** Those that a root needs beside its kind; and a kthread that nobody wakes. */
export type RootCode =
  | 'VM_STOLEN'
  | 'CPU_OFFLINE_RACE'
  | 'IRQS_OFF'
  | 'RT_HOG'
  | 'REPORT_LATENCY'
  | 'TICKLESS_USER'
  | 'DEFERRED_UNLOCK'
  | 'GPKTHREAD_NOT_WOKEN'
  | 'GPKTHREAD_ASLEEP'
  | 'GPKTHREAD_BLOCKED';

export interface Root {
  readonly kind: RootKind;
  /** What the kind alone does not say (MODEL 2.7): `cpu-hog` with `IRQS_OFF`, `unknown` with `VM_STOLEN`. */
  readonly code?: RootCode;
  readonly cpu?: number;
  readonly task?: string;
  readonly tid?: number;
}

/** One edge of a closed wait-for cycle. */
export interface DeadlockWait {
  readonly task: string;
  readonly tid: number;
  /** What the task waits for, in words: `lab_mutex_a held by lab_dead/2:88`. */
  readonly on: string;
}

/** One CPU or reader that a stalled grace period waited for, with the account of its CPU for that time. */
export interface StallHoldout {
  /** `CPU 1`, or `comm:tid` of a reader. */
  readonly name: string;
  readonly cpu: number;
  readonly tid?: number;
  /** Of a CPU: the task that ran on it for longest, `comm:tid`. */
  readonly task?: string;
  readonly code: HoldoutCode;
  readonly cause: RootKind;
  readonly from_ns: number;
  /** null: still pending at the end of the capture. */
  readonly to_ns: number | null;
  /** Of the CPU's time; a reader's own times by state. They sum to 1 where anything was recorded. */
  readonly shares: Readonly<Record<string, number>>;
  readonly ticks: number;
  readonly interrupts: number;
  readonly note: string;
}

/** The kernel's own stall decision about a grace period, replayed (MODEL R2.40–R2.44, R2.60, R2.61), and the warning that it gave. */
export interface StallDecision {
  /** `cannot-warn`: no CPU took a tick after the deadline, or ticks are not recorded. */
  readonly verdict: 'would-warn' | 'cannot-warn' | 'no-stall';
  /** From the start of the grace period to the deadline. */
  readonly due_ns: number;
  readonly hz: number | null;
  /** Whose tick brings the warning, and the CPUs that a jiffy more or less would make the first. */
  readonly predicted?: {
    readonly after_ns: number;
    readonly cpu: number;
    readonly self: boolean;
    readonly or_cpus: readonly number[];
  };
  /** The next warning comes then at the earliest. */
  readonly again_after_ns?: number;
  readonly warned?: {
    readonly after_ns: number;
    readonly cpu: number | null;
    readonly self: boolean | null;
    readonly jiffies: number | null;
  };
  readonly agreement?: 'agrees' | 'other-cpu' | 'earlier' | 'later';
}

/** A sentence of a finding. Ids of rules stand beside the text, not in it. */
export interface Note {
  readonly text: string;
  /** Rules of docs/MODEL.md on which it rests, `R2.61`; empty for what needs none. */
  readonly rules: readonly string[];
  /**
   * How it is known, where that is not what `rules` and `evidence` say: with rules it is inferred, without it is read off the events, or off
   * the kernel log when that is all there is. `threshold`: the limit that was crossed · `background`: what the kernel checks, for any finding
   * of the kind.
   */
  readonly basis?: Confidence | 'threshold' | 'background';
}

export interface FindingBase {
  readonly severity: Severity;
  readonly confidence: Confidence;
  /** One line, the verdict itself. */
  readonly title: string;
  readonly start_ns: number;
  /** Last instant at which it held. */
  readonly end_ns: number;
  readonly evidence: readonly Evidence[];
  /** Further sentences: thresholds crossed, what the kernel said and what differs. */
  readonly notes: readonly Note[];
  /** Index of the run's boot when a capture holds several; set by the report. */
  readonly run_id?: number;
}
