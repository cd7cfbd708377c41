import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Finding } from '../../schema/index.ts';
import { quiesce } from '../support/command-line.ts';
import { folderOfTest } from '../support/temporary-folder.ts';

const WAKE = 'sched_waking: comm=other pid=200 prio=120 target_cpu=000';
const TRACE = `${[
  '# tracer: nop',
  '#',
  '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
  '#              | |         |   |||||     |         |',
  `     slow_reader-127     [001] d..1.   100.000000: ${WAKE}`,
  '          <idle>-0       [000] d.h1.   121.000000: console: rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  '          <idle>-0       [000] d.h1.   121.000010: console: rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-1): P127/1:b..l',
  '          <idle>-0       [000] d.h1.   121.000020: console: rcu: \t(detected by 0, t=5252 jiffies, g=1225, q=17 ncpus=2)',
  `          <idle>-0       [000] d.h1.   122.000000: ${WAKE}`,
].join('\n')}\n`;

it('P127 of a stall report in printk:console is the task that the trace names', async () => {
  const file = join(folderOfTest(), 'trace.txt');
  writeFileSync(file, TRACE);
  const { out } = await quiesce('replay', '--json', '--quiet', '--db', ':memory:', file);
  const findings = JSON.parse(out).findings as Finding[];
  expect(findings.filter(({ kind }) => kind === 'rcu-stall')).toMatchObject([{ tasks: ['slow_reader:127'] }]);
});

it('a task dump that printk:console has in three pieces names its task (sched_show_task)', async () => {
  const kthread = ' rcu_tasks_kthre-32      [000] d....   ';
  const file = join(folderOfTest(), 'trace.txt');
  const lines = [
    ...TRACE.split('\n').slice(0, 4),
    `     lab_spinner-124     [001] d..1.   100.000000: ${WAKE}`,
    `${kthread}137.000000: console: INFO: rcu_tasks detected stalls on tasks:`,
    `${kthread}137.000100: console: 00000000c25063a3: .. nvcsw: 1/1 holdout: 1 idle_cpu: -1/1`,
    `${kthread}137.000200: console: task:lab_spinner     state:R`,
    `${kthread}137.000300: console:   running task    `,
    `${kthread}137.000400: console:  stack:0     pid:124   tgid:124   ppid:2      task_flags:0x4208040 flags:0x00080000`,
    `${kthread}137.000500: console: Call Trace:`,
    `${kthread}137.000600: console:  <TASK>`,
    `${kthread}137.000700: console:  ? spin_only+0x4c/0x80 [lab]`,
    `${kthread}137.000800: console:  </TASK>`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { out } = await quiesce('replay', '--json', '--quiet', '--db', ':memory:', file);
  const findings = JSON.parse(out).findings as Finding[];
  expect(findings).toMatchObject([{ kind: 'rcu-stall', flavor: 'rcu_tasks', tasks: ['lab_spinner:124'] }]);
});
