/**
 * Functions that spin until other CPUs have answered an interrupt, innermost first in a stack: their CPU is a link of a chain, never its root
 * (kernel/smp.c, kernel/stop_machine.c, arch/x86/kernel/alternative.c, arch/x86/mm/tlb.c).
 */
import type { LogBacktrace } from '../../../../schema/index.ts';
import { HARDIRQ_FRAME, INTERRUPT_ENTRY, plainSymbol } from './interrupt-frames.ts';

/** Waits for the call-function interrupt of other CPUs: smp_call_function*(…, wait), csd_lock_wait(). */
const ANSWER_FRAME =
  /^(smp_call_function(_many_cond|_many|_single|_single_async|_any)?|(__)?csd_lock_wait(_toolong)?|csd_lock|generic_exec_single|on_each_cpu(_mask|_cond|_cond_mask)?|native_flush_tlb_multi|multi_cpu_stop|stop_machine_yield)$/;

/** Inlined helpers that the innermost frames of such a spin may be. */
const SPIN_HELPER =
  /^(cpu_relax|rep_nop|native_pause|rcu_momentary_(eqs|dyntick_idle)|__cmpwait.*|ktime_get.*|sched_clock.*)$/;

/** More frames than a spin has above it: what lies deeper slept or called long ago. */
const DEPTH = 3;

/**
 * The function in which a task on a CPU waits for another CPU to answer; undefined when it does something else.
 * @param stack of the running task without the frames of interrupts, innermost first
 */
export function busyWaitFunction(stack: readonly string[]): string | undefined {
  for (const symbol of stack.slice(0, DEPTH).map(plainSymbol)) {
    if (ANSWER_FRAME.test(symbol)) return symbol;
    if (!SPIN_HELPER.test(symbol)) return undefined;
  }
  return undefined;
}

/** The same in a recorded stack, below the interrupts that it may begin with. @param symbols function names, innermost first */
export function spinBelowInterrupts(symbols: readonly string[]): string | undefined {
  const plain = symbols.map(plainSymbol);
  const entry = plain.findLastIndex((symbol) => INTERRUPT_ENTRY.test(symbol) || HARDIRQ_FRAME.test(symbol));
  return busyWaitFunction(plain.slice(entry + 1));
}

/** The function in which a dumped CPU spins until another one answers, in what it did below its interrupts; undefined when it does something else. */
export function spinOf(trace: LogBacktrace | undefined): string | undefined {
  if (trace?.cpu === undefined || trace.userMode || trace.idle) return undefined;
  return busyWaitFunction(trace.stack.slice((trace.nmiFrames ?? 0) + (trace.irqFrames ?? 0)));
}
