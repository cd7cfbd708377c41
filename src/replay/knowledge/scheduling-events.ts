/** Events of the scheduler, as evidence of what a task did. */
import type { KnownEventName } from '../../../schema/index.ts';

/** Events from which the states of tasks follow, stacks of their sleeps included. */
export const SCHEDULING_EVENTS: readonly KnownEventName[] = [
  'sched_switch',
  'sched_waking',
  'sched_wakeup',
  'sched_wakeup_new',
  'sched_migrate_task',
  'kernel_stack',
];
