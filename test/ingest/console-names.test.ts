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
