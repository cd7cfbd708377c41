/** The root of a chain as a clause. */
import type { Root, RootKind } from '../../../schema/index.ts';

const PHRASES: Readonly<Record<RootKind, string>> = {
  'nmi-storm': 'an NMI storm',
  'irq-storm': 'an interrupt storm',
  'softirq-storm': 'a softirq storm',
  'cpu-hog': 'kernel code without a quiescent state',
  'reader-running': 'a running RCU reader',
  'reader-preempted': 'a preempted RCU reader',
  'reader-sleeping': 'a sleeping RCU reader',
  'deferred-unlock': 'a deferred report of a reader',
  'irqs-off': 'interrupts off',
  'rcu-core-starved': 'RCU core that gets no time to report',
  'no-ticks': 'missing ticks',
  'cpu-offline': 'a CPU that goes offline',
  hypervisor: 'a machine that did not run',
  'gp-kthread-asleep': 'the grace-period kthread is not woken',
  'srcu-reader': 'an SRCU reader',
  'gp-kthread-starved': 'the grace-period kthread gets no time',
  'workqueue-starved': 'its work item gets no worker',
  'lock-holder': 'a lock holder',
  deadlock: 'a deadlock',
  unknown: 'this capture does not show why',
};

/** `an NMI storm on CPU 1`, `an SRCU reader lab_rdA:82`. @param tid the task whose wait it is the root of */
export function rootPhrase(root: Root, tid?: number): string {
  const who = root.task !== undefined ? `reader ${root.task}:${root.tid}` : `CPU ${root.cpu}`;
  if (root.kind === 'unknown' && root.cpu !== undefined)
    return `${who} holds it up, for a reason that this capture does not show`;
  if (root.kind === 'unknown' && root.task !== undefined)
    return `${root.task}:${root.tid} keeps it waiting, for a reason that this capture does not show`;
  const task = root.task !== undefined ? ` ${root.task}${root.tid !== undefined ? `:${root.tid}` : ''}` : '';
  if (root.kind === 'gp-kthread-starved')
    return `the grace-period kthread${task} gets no time${root.cpu !== undefined ? ` on CPU ${root.cpu}` : ''}`;
  if (root.kind === 'cpu-hog' && task !== '')
    return `kernel code of${task} without a quiescent state${root.cpu !== undefined ? ` on CPU ${root.cpu}` : ''}`;
  if (root.kind === 'workqueue-starved' && task !== '') return `${task.trim()} keeps its worker pool`;
  if (root.kind === 'deadlock' && tid !== undefined && root.tid === tid) return 'it is part of a deadlock';
  if (root.kind === 'deadlock' && task !== '') return `a deadlock with${task}`;
  return `${PHRASES[root.kind]}${task}${root.cpu !== undefined ? ` on CPU ${root.cpu}` : ''}`;
}
