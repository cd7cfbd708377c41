/** Priorities of tasks as the kernel counts them: the smaller, the more urgent. */

/** Those below are of SCHED_DEADLINE, SCHED_FIFO and SCHED_RR (MAX_RT_PRIO, include/linux/sched/prio.h). */
export const MAX_RT_PRIO = 100;
