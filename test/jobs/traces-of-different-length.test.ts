/** Several traces in one run: what one of them alone recorded ends with it, and is measured by its own span. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReplayResult } from '../../schema/index.ts';
import { replayCaptures } from '../../src/jobs/replay-captures.ts';
import { replayStore } from '../../src/jobs/replay-store.ts';
import { runNamedQuery } from '../../src/query/named-catalog.ts';
import { QueryConnection } from '../../src/query/user-sql.ts';
import { to, trace } from '../support/replay-dsl.ts';
import { textCapture } from '../support/sample-store.ts';
import { folderForEachTest } from '../support/temporary-folder.ts';

const folder = folderForEachTest();

const GP_LINES = `
  rcu_preempt-14 [000] ..... 1.0: rcu_grace_period: rcu_preempt 100 start
  rcu_preempt-14 [000] ..... 1.00001: rcu_grace_period_init: rcu_preempt 100 0 0 1 3
  waiter-9 [000] ..... 1.00002: ${to('waiter:9', 'D', 'swapper/0:0')}
  <idle>-0 [001] ..... 1.5: ${to('swapper/1:0', 'R', 'hog:7')}
  hog-7 [001] ..... 2.0: sched_waking: comm=other pid=10 prio=120 target_cpu=000`;

/** One second: a grace period and a sleep are open at its end. */
const SHORT = textCapture('short.txt', trace`${GP_LINES}`);

/** Interrupts of half a millisecond every millisecond, from 1.2 s on. */
const interrupts = (untilS: number): string => {
  const lines: string[] = [];
  for (let us = 1.2e6; us < untilS * 1e6; us += 1000) {
    const cpu = `<idle>-0 [001] d.h1.`;
    lines.push(`${cpu} ${(us / 1e6).toFixed(6)}: irq_handler_entry: irq=9 name=eth0`);
    lines.push(`${cpu} ${((us + 500) / 1e6).toFixed(6)}: irq_handler_exit: irq=9 ret=handled`);
  }
  return lines.join('\n');
};

/** Sixty seconds of timers, which say nothing of grace periods and tasks. */
const LONG = textCapture(
  'long.txt',
  trace`${Array.from({ length: 600 }, (_, i) => `<idle>-0 [000] d.h1. ${(1.2 + i / 10).toFixed(1)}: local_timer_entry: vector=236`).join('\n')}`,
);

const found = ({ findings }: ReplayResult): string[] => findings.map(({ kind, title }) => `${kind}: ${title}`);

describe('what a trace leaves open', () => {
  it('is open to its end, however long another one goes on', async () => {
    const db = join(folder.path, 'runs.db');
    expect(found(await replayCaptures([SHORT, LONG], { db }))).toEqual([]);
    expect(found(await replayCaptures([LONG, SHORT], { db }))).toEqual([]);
    expect(found(await replayStore(db, { runId: 1 }))).toEqual([]);
    const connection = new QueryConnection(db);
    const rows = (sql: string) => [...connection.query(sql).rows].map((row) => [...row]);
    expect(rows('SELECT DISTINCT end_ns FROM task_state WHERE tid = 9')).toEqual([[2_000_000_000n]]);
    connection.close();
  });

  it('is open to the end of the run where the longest trace recorded it', async () => {
    const later = trace`${GP_LINES}
      rcu_preempt-14 [000] ..... 200.0: rcu_grace_period: rcu_preempt 100 fqsstart`;
    const { findings } = await replayCaptures([textCapture('later.txt', later), LONG]);
    expect(findings.map(({ kind, severity }) => [kind, severity])).toContainEqual(['rcu-stall', 'error']);
  });

  it('between two traces is a gap: a sleep across it may be two', async () => {
    const second = textCapture('second.txt', trace`<idle>-0 [000] ..... 300.0: ${to('swapper/0:0', 'R', 'waiter:9')}`);
    const hung = (await replayCaptures([SHORT, second])).findings.filter(({ kind }) => kind === 'hung-task');
    expect(hung.map(({ severity }) => severity)).not.toContain('error');
  });
});

describe('shares', () => {
  it('are of the time for which their own source recorded the CPU', async () => {
    const db = join(folder.path, 'runs.db');
    const irqs = textCapture('irqs.txt', trace`${interrupts(3.2)}`);
    await replayCaptures([irqs, LONG, SHORT], { db });
    const connection = new QueryConnection(db);
    const share = [...runNamedQuery(connection, 'interrupt-share', {}).rows].map((row) => [
      row[1],
      row[2],
      Number(row[5]).toFixed(3),
    ]);
    const tasks = [...runNamedQuery(connection, 'cpu-time-by-task', {}).rows].map((row) => [row[2], row[6]]);
    connection.close();
    expect(share).toEqual([[1n, 'hardirq', '0.500']]);
    expect(tasks).toEqual([['hog', 1]]);
  });
});
