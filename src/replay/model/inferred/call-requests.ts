/**
 * Function calls that one CPU asks of others, and whether they are answered (kernel/smp.c). A CPU that waits for the answer spins with preemption
 * off, so that it records nothing but its interrupts from the request on; a CPU that goes on in task context has not waited.
 */
import { type EventCursor, type EventType, fieldsOf } from '../../../../schema/index.ts';
import type { EventHandler } from '../../core/world.ts';
import { LONG_STRETCH_NS } from '../../knowledge/thresholds.ts';
import type { CpuModel, CpuState } from '../cpu/cpu.ts';

const SENT = fieldsOf('ipi_send_cpu', 'csd_queue_cpu');
const TARGETS = fieldsOf('ipi_send_cpumask');
const FN = { ipi: fieldsOf('ipi_send_cpu', 'ipi_send_cpumask'), csd: fieldsOf('csd_queue_cpu') };
const REASON = fieldsOf('ipi_entry');

/** A CPU that spun until the last of those that it had asked answered. */
export interface AnsweredLate {
  readonly cpu: number;
  readonly target: number;
  /** What it asked for, or from where. */
  readonly fn: string;
  readonly event: number;
  readonly startNs: number;
  /** Undefined: the recording ends before the answer. */
  readonly endNs: number | undefined;
}

interface Request {
  readonly fn: string;
  readonly event: number;
  readonly ns: number;
  /** Records in task context of the CPU that asks, with those of the request itself. */
  records: number;
  readonly pending: Set<number>;
}

/** Requests that nobody waits for: a wakeup, a reschedule, an irq_work. */
const NOT_AWAITED =
  /^(ttwu_queue|__ttwu_queue|wakeup_preempt|check_preempt|resched|irq_work|__smp_call_single_queue|tick_nohz|wake_up_nohz)/;
const NO_CALLBACK = /^(0x0|0|\(null\))?$/;

/** Records of one request follow each other: one per CPU that is asked, and the interrupt. */
const ONE_REQUEST_NS = 1e6;
/** Answers kept per CPU. */
const KEPT = 1 << 14;

export class CallRequests {
  readonly #cpus: CpuModel;
  /** By the CPU that asks: its last request. */
  readonly #open: (Request | undefined)[] = [];
  /** By CPU: times of call-function interrupts and of functions of others. */
  readonly #answered: number[][] = [];
  readonly late: AnsweredLate[] = [];

  constructor(cpus: CpuModel) {
    this.#cpus = cpus;
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape !== 'tracepoint') return undefined;
    switch (type.name) {
      case 'ipi_send_cpu':
        return (event) =>
          this.#asks(event, [event.int(SENT.cpu)], event.text(FN.ipi.callsite), event.text(FN.ipi.callback));
      case 'ipi_send_cpumask':
        return (event) =>
          this.#asks(
            event,
            cpusOfMask(event.text(TARGETS.cpumask)),
            event.text(FN.ipi.callsite),
            event.text(FN.ipi.callback),
          );
      case 'csd_queue_cpu':
        return (event) =>
          this.#asks(event, [event.int(SENT.cpu)], event.text(FN.csd.callsite), event.text(FN.csd.func));
      case 'call_function_entry':
      case 'call_function_single_entry':
      case 'csd_function_entry':
        return (event) => this.#answers(event);
      case 'ipi_entry':
        return (event) => {
          if (event.text(REASON.reason).startsWith('Function call')) this.#answers(event);
        };
      case 'kernel_stack':
        return (event) => this.#follows(event.cpu);
      default:
        return undefined;
    }
  }

  /** Whether the CPU took a call of another one in (fromNs, toNs). */
  answered(cpu: number, fromNs: number, toNs: number): boolean {
    return (this.#answered[cpu] ?? []).some((ns) => ns > fromNs && ns < toNs);
  }

  #asks(event: EventCursor, targets: readonly number[], callsite: string, callback: string): void {
    const { cpu, tsNs } = event;
    const state = this.#cpus.get(cpu);
    if (NO_CALLBACK.test(callback) || NOT_AWAITED.test(callsite)) return;
    // An interrupt does not wait for other CPUs (smp_call_function_many_cond warns of it).
    if (state.taskRecord !== state.records) return;
    const open = this.#open[cpu];
    const others = targets.filter((target) => target !== cpu);
    if (open && this.#silent(state, open, 1) && tsNs - open.ns <= ONE_REQUEST_NS) {
      open.records = state.taskRecords;
      for (const target of others) open.pending.add(target);
      return;
    }
    const fn = (callsite || callback).replace(/\+0x.*$/, '');
    this.#open[cpu] = { fn, event: event.eventId, ns: tsNs, records: state.taskRecords, pending: new Set(others) };
  }

  /** The record belongs to the one before it: its stack. */
  #follows(cpu: number): void {
    const open = this.#open[cpu];
    const state = this.#cpus.get(cpu);
    if (open && this.#silent(state, open, 1)) open.records = state.taskRecords;
  }

  #answers({ cpu, tsNs }: EventCursor): void {
    this.#answered[cpu] ??= [];
    const times = this.#answered[cpu];
    if (times.length >= 2 * KEPT) times.splice(0, KEPT);
    times.push(tsNs);
    for (let sender = 0; sender < this.#open.length; sender++) {
      const open = this.#open[sender];
      if (!open?.pending.delete(cpu) || open.pending.size > 0) continue;
      this.#open[sender] = undefined;
      this.#keep(sender, open, cpu, tsNs, tsNs);
    }
  }

  #silent(state: CpuState, { records }: Request, more = 0): boolean {
    return state.taskRecords === records + more;
  }

  #keep(cpu: number, open: Request, target: number, untilNs: number, endNs: number | undefined): void {
    if (untilNs - open.ns < LONG_STRETCH_NS || !this.#silent(this.#cpus.get(cpu), open)) return;
    this.late.push({ cpu, target, fn: open.fn, event: open.event, startNs: open.ns, endNs });
  }

  /** What nobody has answered yet. */
  finish(endNs: number): void {
    for (const [cpu, open] of this.#open.entries())
      if (open?.pending.size === 1) for (const target of open.pending) this.#keep(cpu, open, target, endNs, undefined);
  }
}

/** CPUs of a bitmap as the kernel prints it: `3`, `00000001,00000000`. */
function cpusOfMask(mask: string): number[] {
  const digits = mask.replace(/^0x|,/g, '');
  const cpus: number[] = [];
  for (let i = 0; i < digits.length; i++) {
    const nibble = Number.parseInt(digits[digits.length - 1 - i], 16);
    for (let bit = 0; bit < 4; bit++) if (nibble & (1 << bit)) cpus.push(4 * i + bit);
  }
  return cpus;
}
