/** Which events show interrupts, softirqs and ticks, and what their numbers mean (MODEL E1.5, E1.6). */

import type { KnownEventName } from '../../../schema/index.ts';

/** Vectors of arch/x86 `irq_vectors:*` events, each with an `_entry` and an `_exit`. */
const HARDIRQ_VECTORS = [
  'local_timer',
  'reschedule',
  'call_function',
  'call_function_single',
  'irq_work',
  'x86_platform_ipi',
  'error_apic',
  'spurious_apic',
  'thermal_apic',
  'threshold_apic',
  'deferred_error_apic',
] as const;

/** A vector, and whether its handler begins or ends. */
interface VectorEvent {
  readonly name: string;
  readonly enters: boolean;
}

const VECTOR_EVENTS: ReadonlyMap<KnownEventName, VectorEvent> = new Map(
  HARDIRQ_VECTORS.flatMap((name): [KnownEventName, VectorEvent][] => [
    [`${name}_entry`, { name, enters: true }],
    [`${name}_exit`, { name, enters: false }],
  ]),
);

/** The vector that an event enters or leaves; undefined for all other events. */
export function hardirqVector(event: string): VectorEvent | undefined {
  return VECTOR_EVENTS.get(event as KnownEventName);
}

/** Whether an event shows that a hardware interrupt begins: a vector's entry, or that of a device's handler. */
export function entersHardirq(event: string): boolean {
  return event === 'irq_handler_entry' || hardirqVector(event)?.enters === true;
}

/** Events that show a scheduler tick. */
export const TICK_EVENTS: readonly KnownEventName[] = ['local_timer_entry', 'rcu_utilization'];

/** Events from which the time of a CPU is accounted. */
export const OCCUPANCY_EVENTS: readonly KnownEventName[] = [
  'sched_switch',
  'nmi_handler',
  'irq_handler_entry',
  'irq_handler_exit',
  'softirq_entry',
  'softirq_exit',
  'nmi_noise',
  'irq_noise',
  'softirq_noise',
  'osnoise',
  'rcu_utilization',
  'rcu_watching',
  'rcu_dyntick',
  'tick_stop',
  ...VECTOR_EVENTS.keys(),
];

/** include/linux/interrupt.h, in the order of its numbers. */
const SOFTIRQ_NAMES = ['HI', 'TIMER', 'NET_TX', 'NET_RX', 'BLOCK', 'IRQ_POLL', 'TASKLET', 'SCHED', 'HRTIMER', 'RCU'];

/** The name of a softirq vector, its number when there is none. */
export function softirqName(vec: number): string {
  return SOFTIRQ_NAMES[vec] ?? String(vec);
}
