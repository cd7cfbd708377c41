/**
 * From which length, share or count on something is said. Each with its reason; the ones that a user can set are in schema/profile.ts,
 * and bounds of memory stand where the memory is. Raise or lower one here and every model and judge follows.
 */

// Delays.

/** Shorter delays of a wakeup, a work item, a callback or a timer are normal scheduling (S3.60, S3.70): one jiffy at HZ=100. */
export const LATE_NS = 1e7;

/** From here on a single delay can be what somebody complains about: work that keeps a worker, a lock wait, a kthread that gets no CPU. */
export const LONG_DELAY_NS = 1e8;

/** A cycle, or a wait for oneself, that is younger at the end of the capture may be one that a lost event would have opened. */
export const PERSISTS_NS = 1e8;

/** Stretches of a CPU without a quiescent state, and silence of all CPUs, below this hold up no grace period that anybody asks about. */
export const LONG_STRETCH_NS = 2e8;

/**
 * A grace period, what holds one up, or an uninterruptible sleep that lasts less is not slow: rcu_cpu_stall_timeout is at least 3 s
 * (R2.40). What lasts longer explains the waits of others, whatever the thresholds of the user are (collection-floors.ts).
 */
export const SLOW_NS = 1e9;

/** An interrupt storm must meet a wait for that long to be its reason. */
export const STORM_MEETS_NS = 1e9;

/** A wait for grace periods whose root is known is an error from here on, whatever the kernel's own timeouts are. */
export const ROOTED_WAIT_ERROR_NS = 5e9;

// The kernel's own limits.

/** The shortest rcu_cpu_stall_timeout that a kernel accepts: rcu_jiffies_till_stall_check(), kernel/rcu/tree_stall.h (R2.40). */
export const SHORTEST_STALL_NS = 3e9;

/** `2 * HZ` in rcu_check_gp_kthread_starvation(), kernel/rcu/tree_stall.h. */
export const GP_KTHREAD_STARVED_NS = 2e9;

/** A grace-period kthread without a CPU for so long is a fault of the machine, not a hiccup of the scheduler. */
export const GP_KTHREAD_STARVED_ERROR_NS = 1e10;

/** wq_watchdog_thresh, kernel/workqueue.c: the kernel's default. */
export const WORKQUEUE_STALL_NS = 30e9;

/** The longest jiffy: HZ=100. */
export const LONGEST_JIFFY_NS = 1e7;

/** Distances between two ticks of a CPU: HZ from 1000 to 100, with a tenth of slack. */
export const SHORTEST_TICK_NS = 9e5;
export const LONGEST_TICK_NS = 1.1e7;

/** Scans of an SRCU grace period: two, each repeated for at most ten jiffies (S3.15; srcu_gp_end, process_srcu). */
export const SRCU_SCANS = 2;
export const SRCU_SCAN_JIFFIES = 10;

// What belongs together in a trace.

/** The probe on a function and the event inside it are of one call, if they are this close. */
export const ONE_CALL_NS = 1e6;

/** The osnoise tracer's `start_ns` is on another clock than the trace, if more than that many net durations lie between it and the record. */
export const NOISE_NESTING = 10;

// The kernel log: what belongs together.

/** Reports of one trouble come this close together: a stall and its waiters, each by a watchdog of its own. */
export const ONE_TROUBLE_NS = 30e9;

/** Watchdogs repeat themselves every few seconds: reports of one CPU or pool this close together are one lockup. */
export const LOCKUP_REPEAT_NS = 120e9;

/** One dump of all worker pools follows the complaints about several. */
export const ONE_DUMP_NS = 1e9;

/** A hung task's wait began when lockdep reported, if the two times agree within this and half a second for each second it lasted. */
export const REPORT_AT_WAIT_NS = 5e9;
export const REPORT_AT_WAIT_SHARE = 0.5;

/** The ladder of longer and longer NMI handlers is climbed before the stall: complaints up to ten minutes old count. */
export const NMI_LADDER_NS = 600e9;

/** The first steps of the ladder on a quiet machine say nothing. */
export const NMI_LADDER_STEPS = 3;

/** perf's average, and a handler's longest run, below which they cannot take a CPU: perf throttles at its share, a tick is 1 to 10 ms. */
export const PERF_AVERAGE_NS = 20_000;
export const NMI_HANDLER_NS = 1e6;

/** HZ from two reports of one grace period: so many jiffies and so much time must lie between them to tell 250 from 300. */
export const HZ_FEWEST_JIFFIES = 300;
export const HZ_SHORTEST_NS = 1e9;

/** HZ from ticks: so many distances between ticks of one CPU. */
export const HZ_FEWEST_TICKS = 32;

// Shares.

/** What covers at least half of a wait explains it. */
export const COVERS_SHARE = 0.5;
