/**
 * In which context a stack was recorded, where no flags tell (E1.7 c): the innermost frame that belongs to a context decides. Names of several
 * kernels and architectures.
 */
import { CTX_HARDIRQ, CTX_NMI, CTX_SOFTIRQ } from '../../../../schema/index.ts';
import { HARDIRQ_FRAME, INTERRUPT_ENTRY, plainSymbol, SOFTIRQ_FRAME } from './interrupt-frames.ts';

/** The scheduler runs in task context, also where the end of an interrupt calls it. */
const TASK_FRAME =
  /^((__)?schedule(_(idle|timeout|preempt_disabled|rtlock))?|preempt_schedule(_irq|_notrace)?|(raw_)?irqentry_exit(_cond_resched)?)$/;

const NMI_FRAME =
  /^((asm_)?exc_nmi(_noist)?|end_repeat_nmi|nmi_handle|default_do_nmi|do_nmi|nmi|arm64_enter_nmi|perf_event_nmi_handler)$/;

/**
 * Context bits of a stack, 0 for a task.
 * @param symbols function names, innermost first
 */
export function contextOfFrames(symbols: readonly string[]): number {
  for (const symbol of symbols) {
    const name = plainSymbol(symbol);
    if (TASK_FRAME.test(name)) return 0;
    if (NMI_FRAME.test(name)) return CTX_NMI;
    if (SOFTIRQ_FRAME.test(name)) return CTX_SOFTIRQ;
    if (HARDIRQ_FRAME.test(name) || INTERRUPT_ENTRY.test(name)) return CTX_HARDIRQ;
  }
  return 0;
}
