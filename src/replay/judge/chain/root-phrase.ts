/** The root of a chain as a clause. */
import type { Root, RootCode, RootKind } from '../../../../schema/index.ts';

const PHRASES: Readonly<Record<RootKind, string>> = {
  'nmi-storm': 'an NMI storm',
  'irq-storm': 'an interrupt storm',
  'softirq-storm': 'a softirq storm',
  'cpu-hog': 'kernel code without a quiescent state',
  'reader-running': 'a running RCU reader',
  'reader-preempted': 'a preempted RCU reader',
  'reader-sleeping': 'a sleeping RCU reader',
  'srcu-reader': 'an SRCU reader',
  'gp-kthread-starved': 'the grace-period kthread gets no CPU time',
  'timer-lost': 'a timer that did not fire',
  'workqueue-starved': 'its work item gets no worker',
  'lock-holder': 'a lock holder',
  deadlock: 'a deadlock',
  unknown: 'this capture does not show why',
};

/** ` comm:tid` and ` on CPU n` in words, or ''. */
const CODE_PHRASES: Readonly<Record<RootCode, (task: string, cpu: string) => string>> = {
  DEFERRED_UNLOCK: (task) => `the deferred report of reader${task}`,
  IRQS_OFF: (task, cpu) => `interrupts off${cpu}${task && `, which${task} has`}`,
  RT_HOG: (task, cpu) => `the real-time task${task} keeps its CPU${cpu.replace(' on CPU', '')}`,
  REPORT_LATENCY: (_, cpu) => `RCU core gets no CPU time to report${cpu}`,
  TICKLESS_USER: (task, cpu) => `kernel code without ticks${task}${cpu}`,
  CPU_OFFLINE_RACE: (_, cpu) => `${cpu.replace(' on ', '')} goes offline`,
  VM_STOLEN: () => 'a machine that did not run',
  GPKTHREAD_NOT_WOKEN: (task) => `the grace-period kthread${task} is not woken`,
  GPKTHREAD_ASLEEP: (task) => `the grace-period kthread${task} sleeps although a grace period was requested`,
  GPKTHREAD_BLOCKED: (task) => `the grace-period kthread${task} is blocked`,
};

/** `an NMI storm on CPU 1`, `an SRCU reader lab_rdA:82`. @param tid the task whose wait it is the root of */
export function rootPhrase(root: Root, tid?: number): string {
  const who = root.task !== undefined ? `reader ${root.task}:${root.tid}` : `CPU ${root.cpu}`;
  if (root.kind === 'unknown' && !root.code && root.cpu !== undefined)
    return `${who} holds it up, for a reason that this capture does not show`;
  if (root.kind === 'unknown' && root.task !== undefined)
    return `${root.task}:${root.tid} keeps it waiting, for a reason that this capture does not show`;
  const cpu = root.cpu !== undefined ? ` on CPU ${root.cpu}` : '';
  const task = root.task !== undefined ? ` ${root.task}${root.tid !== undefined ? `:${root.tid}` : ''}` : '';
  if (root.code) return CODE_PHRASES[root.code](task, cpu);
  if (root.kind === 'gp-kthread-starved') return `the grace-period kthread${task} gets no CPU time${cpu}`;
  if (root.kind === 'workqueue-starved' && task !== '')
    return root.cpu === undefined || root.task?.startsWith('kworker/')
      ? `${task.trim()} keeps its worker pool`
      : `its work item gets no worker on CPU ${root.cpu}, which${task} has`;
  if (root.kind === 'deadlock' && tid !== undefined && root.tid === tid) return 'it is part of a deadlock';
  if (root.kind === 'deadlock' && task !== '') return `a deadlock with${task}`;
  if (root.kind === 'cpu-hog' && task !== '') return `kernel code of${task} without a quiescent state${cpu}`;
  return `${PHRASES[root.kind]}${task}${cpu}`;
}
