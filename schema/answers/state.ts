/**
 * The state of a run at one instant, `quiesce state --json`, schema `quiesce.state/1`. Times are ns on the run's timeline; `since_ns`
 * says when a thing began, so its age is `at_ns - since_ns`; null when that was before the recording.
 */
import type { ChainLinkKind } from '../findings.ts';

/** A lock that a task holds or waits for, as lock events tell. */
export interface StateLock {
  readonly lock: string;
  /** Of the lockdep map, hexadecimal; '' when the events carry none. */
  readonly address: string;
  readonly task: string;
  readonly tid: number;
  readonly since_ns: number;
  readonly mode: 'exclusive' | 'shared';
  readonly trylock: boolean;
  /** False while the task still waits for it. */
  readonly owned: boolean;
  /** A read-side section or another annotation without a lock behind it (rcu_read_lock, (&timer)). */
  readonly annotation: boolean;
  /** The acquisition. */
  readonly event: number;
}

/** An interrupt context that is open on a CPU. */
export interface StateContext {
  readonly kind: 'softirq' | 'hardirq';
  /** Action, handler or vector. */
  readonly name: string;
  readonly since_ns: number;
}

export interface StateCpu {
  readonly cpu: number;
  /** Task on the CPU; null when no event has shown it yet. The idle task has tid 0. */
  readonly task: string | null;
  readonly tid: number | null;
  /** Since when it is on the CPU. */
  readonly since_ns: number | null;
  /** Outermost first; empty in task context. */
  readonly contexts: readonly StateContext[];
  /** Last record of the CPU, and the five characters that the kernel printed with it; null when the recording has none. */
  readonly last_event_ns: number;
  readonly flags: string | null;
  /** Events were lost and nothing has been recorded since. */
  readonly lost: boolean;
  /** Whether RCU watches the CPU. */
  readonly rcu: 'watching' | 'quiescent' | 'unknown';
  /** Share of the CPU that interrupts took in the last window (thresholds.nmiStormWindowNs). */
  readonly load: { readonly nmi: number; readonly hardirq: number; readonly softirq: number };
  /** Storms going on, with their start. */
  readonly storms: readonly { readonly kind: 'nmi' | 'hardirq' | 'softirq'; readonly since_ns: number }[];
  /** What the running task and the interrupts on top of it hold. */
  readonly held: readonly StateLock[];
}

export type StateRunState = 'running' | 'runnable' | 'blocked' | 'sleeping' | 'unknown' | 'dead';

/** Something on the way from a waiting task to the reason: a task, a lock, a grace period, a CPU, … */
export interface StateLink {
  readonly kind: ChainLinkKind;
  readonly name: string;
  readonly tid?: number;
  readonly cpu?: number;
  readonly since_ns: number | null;
  readonly note?: string;
  /** Edges of MODEL 4.1 that lead here from the link before. */
  readonly rule: string;
  /** Everything that must go away before this one can go on, the oldest first (W4.30). Empty at a leaf. */
  readonly waits_for: readonly StateLink[];
  /** `cycle`: it is on its own way. `above`: shown in full further up. */
  readonly repeats?: 'cycle' | 'above';
}

export interface StateTask {
  readonly task: string;
  readonly tid: number;
  readonly state: StateRunState;
  /** prev_state letters of its last switch-out, '' when none was recorded. */
  readonly letters: string;
  readonly cpu: number | null;
  readonly prio: number;
  readonly since_ns: number | null;
  /** Who woke it last, while it is runnable. */
  readonly woken_by?: string;
  /** Functions of the stack of its last switch-out, innermost first; empty when it runs, or none was recorded. */
  readonly stack: readonly string[];
  /** The same as the kernel prints frames, `function+0xoffset/0xsize [module]`, as far as the recording tells. */
  readonly frames: readonly string[];
  readonly held: readonly StateLock[];
  /** What it waits for; empty when nothing says that it waits. */
  readonly waits_for: readonly StateLink[];
}

/** A CPU or reader that a grace period waits for. */
export interface StateHoldout {
  readonly kind: 'cpu' | 'reader';
  readonly name: string;
  readonly cpu: number;
  readonly tid?: number;
  readonly since_ns: number;
  /** It has passed its quiescent state; only the report is missing. */
  readonly passed_ns: number | null;
  /** Shares of the CPU's time since then. */
  readonly load: { readonly nmi: number; readonly hardirq: number; readonly softirq: number };
}

export interface StateGracePeriod {
  readonly flavor: string;
  /** Decimal, 64-bit, state bits included. */
  readonly gp_seq: string | null;
  readonly expedited: boolean;
  readonly start_ns: number;
  readonly request_ns: number | null;
  /** Still pending, the oldest first. */
  readonly holdouts: readonly StateHoldout[];
  /** CPUs and readers that have reported. */
  readonly reported: number;
}

export interface StateSyncWait {
  readonly api: string;
  readonly domain: string;
  readonly task: string;
  readonly tid: number;
  readonly since_ns: number;
  readonly confidence: 'observed' | 'inferred';
}

export interface StateReader {
  /** srcu_struct, or the flavour whose blocked list it is on. */
  readonly domain: string;
  readonly kind: 'srcu' | 'preempted';
  readonly task: string;
  readonly tid: number;
  /** Null for a preempted reader: since when it is inside is not recorded. */
  readonly since_ns: number | null;
  readonly event: number;
}

export interface StateWork {
  readonly state: 'running' | 'pending' | 'inactive';
  /** Address of the work_struct, hexadecimal. */
  readonly work: string;
  readonly function: string;
  readonly workqueue: string;
  /** Start of the execution, or queueing. */
  readonly since_ns: number;
  readonly cpu: number;
  readonly worker?: string;
  readonly tid?: number;
  /** srcu_struct that it works for, when known. */
  readonly domain?: string;
}

/** One record, its fields as text. */
export interface StateEvent {
  readonly event: number;
  readonly ts_ns: number;
  readonly cpu: number | null;
  readonly task: string;
  readonly tid: number | null;
  readonly flags: string | null;
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface StateResult {
  readonly schema: 'quiesce.state/1';
  readonly run_id: number;
  readonly run: string;
  readonly at_ns: number;
  /** Times are ticks of unknown length; absent: nanoseconds. */
  readonly time_unit?: 'ticks';
  /** Last record at or before the instant; null before the first. */
  readonly event: StateEvent | null;
  readonly cpus: readonly StateCpu[];
  readonly grace_periods: readonly StateGracePeriod[];
  readonly sync_waits: readonly StateSyncWait[];
  readonly readers: readonly StateReader[];
  /** With --task or --cpu: those tasks. Otherwise tasks that wait: blocked (D), for a lock, for a grace period; the oldest first. */
  readonly tasks: readonly StateTask[];
  /** Runnable tasks without a CPU, the oldest first. */
  readonly runnable: readonly {
    readonly task: string;
    readonly tid: number;
    readonly cpu: number | null;
    readonly since_ns: number;
  }[];
  readonly locks: readonly StateLock[];
  readonly work: readonly StateWork[];
  /** What limits the answer: damaged snapshots, lost events, kinds of events that were not recorded. */
  readonly notes: readonly string[];
}
