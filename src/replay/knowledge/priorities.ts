/** Priorities of tasks as the kernel counts them: the smaller, the more urgent. */

/** Those below are of SCHED_DEADLINE, SCHED_FIFO and SCHED_RR (MAX_RT_PRIO, include/linux/sched/prio.h). */
export const MAX_RT_PRIO = 100;

/** What sched_setscheduler(2), chrt and ps call the priority of such a task: the kernel counts it from the other end (kernel/sched/syscalls.c normal_prio). */
export const rtPriority = (prio: number): number => MAX_RT_PRIO - 1 - prio;
