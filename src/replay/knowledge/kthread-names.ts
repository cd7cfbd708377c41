/** Names of kernel threads that the models know by their work. */

/** Drives the grace periods of one flavour, whose name it bears (rcu_spawn_gp_kthread, kernel/rcu/tree.c). */
export const GP_KTHREAD = /^rcu_(preempt|sched|bh)$/;
