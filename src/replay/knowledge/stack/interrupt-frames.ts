/**
 * Frames that tell what a CPU was doing when its backtrace was taken (MODEL 7.6, W4.20), and those of the machinery that took it.
 * Names of several kernels and architectures; compiler suffixes (`.isra.0`, `.cold`) are left out of the comparison.
 */

/** The tick or NMI that printed the trace itself, and the printing. */
export const DUMP_MACHINERY =
  /^(dump_stack(_lvl)?|show_stack|dump_backtrace|unwind_backtrace|show_regs|sched_show_task|_sched_show_task|nmi_cpu_backtrace(_handler)?|nmi_trigger_cpumask_backtrace|arch_trigger_cpumask_backtrace|trigger_(single_)?(all_)?cpu_?backtrace|rcu_dump_cpu_stacks|print_cpu_stall|print_other_cpu_stall|check_cpu_stall|__rcu_pending|rcu_pending|rcu_check_callbacks|rcu_sched_clock_irq|walk_stackframe|arch_stack_walk|dump_cpu_task|watchdog_timer_fn|panic|do_raw_spin_lock_debug)$/;

/** Entry code of the interrupt in which the trace was printed: what stands below (outside) of it was interrupted. */
export const INTERRUPT_ENTRY =
  /^(asm_)?(__)?(sysvec_apic_timer_interrupt|smp_apic_timer_interrupt|apic_timer_interrupt|local_apic_timer_interrupt|timer_interrupt)$|^(asm_call_irq_on_stack|asm_call_on_stack|call_on_irq_stack|do_interrupt_handler|__irq_svc|__irq_usr|el[01](t|h)?_?(64_|32_)?(irq|interrupt)(_handler)?|decrementer_common(_virt)?|ret_from_intr|gic_handle_irq|handle_arch_irq|asm_do_IRQ)$/;

/** Softirqs being served; their raising and the exit from an interrupt (irq_exit_rcu) are not. */
export const SOFTIRQ_FRAME =
  /^(__do_softirq|handle_softirqs|do_softirq(_own_stack)?|run_ksoftirqd|call_softirq|net_rx_action|net_tx_action|run_timer_softirq|tasklet_action(_common)?|rcu_core_si|blk_done_softirq|sched_balance_softirq|run_rebalance_domains|hrtimer_run_softirq)$/;

/** A hardware interrupt other than the tick was being served. */
export const HARDIRQ_FRAME =
  /^(common_interrupt|do_IRQ|__common_interrupt|handle_irq_event(_percpu)?|__handle_irq_event_percpu|handle_(edge|fasteoi|level|simple|nested)_irq|generic_handle_irq(_desc)?|generic_handle_domain_irq|__handle_domain_irq|gic_handle_irq|sysvec_call_function(_single)?|smp_call_function(_single)?_interrupt|sysvec_irq_work|__sysvec_irq_work|irq_work_run(_list)?|flush_smp_call_function_queue|__flush_smp_call_function_queue)$/;

/** Idle loop: the CPU holds nothing up. */
export const IDLE_FRAME =
  /^(default_idle(_call)?|native_safe_halt|acpi_idle_.*|cpuidle_enter(_state)?|intel_idle.*|mwait_idle.*|do_idle|cpu_startup_entry|arch_cpu_idle|pv_native_safe_halt|cpu_idle_poll)$/;

/** Name without what the compiler appended. */
export function plainSymbol(symbol: string): string {
  const dot = symbol.indexOf('.', 1);
  return dot < 0 ? symbol : symbol.slice(0, dot);
}
