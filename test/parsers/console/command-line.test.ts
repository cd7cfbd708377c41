/** Settings from the kernel's command line: all of them, each as the kernel takes it. */
import { expect, it } from 'vitest';
import { parseCommandLine } from '../../../parsers/console/text/command-line.ts';

const settings = (line: string): unknown =>
  Object.fromEntries((parseCommandLine(line) ?? []).map((s) => [s.field, s.value]));

it('every parameter of one line is learned', () => {
  const line =
    'Kernel command line: root=/dev/vda rcupdate.rcu_cpu_stall_timeout=5 sysctl.kernel.hung_task_timeout_secs=9 workqueue.watchdog_thresh=10';
  expect(settings(line)).toEqual({ rcuStallTimeoutS: 5, hungTaskTimeoutS: 9, wqWatchdogThreshS: 10 });
});

it.each([
  [
    'the last value stands',
    'rcupdate.rcu_cpu_stall_timeout=5 rcupdate.rcu_cpu_stall_timeout=60',
    { rcuStallTimeoutS: 60 },
  ],
  [
    'one that the kernel refuses changes nothing',
    'workqueue.watchdog_thresh=10 workqueue.watchdog_thresh=ten',
    { wqWatchdogThreshS: 10 },
  ],
  ['hexadecimal', 'rcupdate.rcu_cpu_stall_timeout=0x3c', { rcuStallTimeoutS: 60 }],
  ['clamped as the kernel does', 'rcupdate.rcu_cpu_stall_timeout=1', { rcuStallTimeoutS: 3 }],
  ['dashes are underscores', 'rcupdate.rcu-cpu-stall-timeout=7', { rcuStallTimeoutS: 7 }],
  ['slashes in the name of a sysctl', 'sysctl.kernel/hung_task_timeout_secs=8', { hungTaskTimeoutS: 8 }],
  ['quoted values hold no parameters', 'dyndbg="file a.c +p workqueue.watchdog_thresh=3" quiet', {}],
  ['a quoted parameter is one', '"workqueue.watchdog_thresh=3"', { wqWatchdogThreshS: 3 }],
  ['arguments of init', 'quiet -- workqueue.watchdog_thresh=3', {}],
  ['a name without its module', 'rcu_cpu_stall_timeout=5 xworkqueue.watchdog_thresh=3', {}],
  ['0 switches the watchdog off', 'workqueue.watchdog_thresh=10 workqueue.watchdog_thresh=0', {}],
])('%s', (_, given, expected) => {
  expect(settings(`Command line: ${given}`)).toEqual(expected);
});
