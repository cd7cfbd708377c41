/** What a replay prints: root causes first, one line each; every wait told once; nothing wider than the terminal. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ReplayResult } from '../../schema/index.ts';
import { textWidth } from '../../src/report/text/text-format.ts';
import { quiesceAt } from '../support/command-line.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const sample = (name: string): string => new URL(`../../samples/${name}`, import.meta.url).pathname;

async function report(columns: number, path: string, ...options: string[]): Promise<string[]> {
  const { status, out } = await quiesceAt(columns, 'replay', path, '--db', ':memory:', ...options);
  expect(status).toBe(0);
  return out.trimEnd().split('\n');
}

/** A log of many tasks that hang for one lock, each reported once. */
function manyHungTasks(count: number): string {
  const lines = ['[    0.000000] Linux version 6.12.0 (a@b) #1 SMP'];
  for (let i = 0; i < count; i++) {
    const at = (200 + i).toFixed(6);
    lines.push(
      `[  ${at}] INFO: task job${i}:${1000 + i} blocked for more than ${121 + i} seconds.`,
      `[  ${at}]       Not tainted 6.12.0 #1`,
      `[  ${at}] task:job${i}            state:D stack:0     pid:${1000 + i} tgid:${1000 + i} ppid:2      flags:0x00004000`,
      `[  ${at}] Call Trace:`,
      `[  ${at}]  <TASK>`,
      `[  ${at}]  __schedule+0x4f7/0xbd0`,
      `[  ${at}]  schedule+0x3e/0xf0`,
      `[  ${at}]  schedule_preempt_disabled+0x15/0x20`,
      `[  ${at}]  __mutex_lock+0x3a1/0x9c0`,
      `[  ${at}]  job_work+0x20/0x80`,
      `[  ${at}]  kthread+0xee/0x120`,
      `[  ${at}]  </TASK>`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** First lines: what is wrong, and why. */
const ANSWERS: Readonly<Record<string, RegExp>> = {
  'nmi-storm.trace.dat':
    /^error: NMI storm on CPU 1 \(storm_handler, 99\.7 % for 14\.0 s\) → rcu_preempt GP 521 stalled 13\.7 s → 7 tasks hung, 5 of them in synchronize_\*\(\), longest 14\.1 s$/,
  'nmi-storm.dmesg.txt':
    /^error: NMI storm on CPU 1 \(storm_handler \[lab\], handlers up to 108 ms\) → rcu_preempt GP 521 stalled/,
  'preempted-reader.trace.txt.zst':
    /^1\. error: RCU reader lab_rcuread:83 preempted on CPU 1 → rcu_preempt GP 345 stalled 12\.1 s → lab_rcuupd:85 hung/,
  'srcu-deadlock.trace.txt.zst': /^1\. error: deadlock lab_rdA:82 → lab_rdB:83 → lab_rdA:82, for 14\.1 s/,
  'lock-cycle.trace.txt.zst': /^error: call_srcu\(\) called with &rq->__lock held → circular locking dependency /,
  'wait-context-rt.trace.txt.zst': /^error: call_srcu\(\) called with &rq->__lock held → 2 invalid wait contexts →/,
  'healthy.trace.txt.zst': /^No findings; \d+ of \d+ kinds of findings could not be decided, or not wholly\.$/,
};

describe('the report of a replay', () => {
  it.each(Object.entries(ANSWERS))('begins with the answer for %s', async (name, answer) => {
    const [first] = await report(200, sample(name));
    expect(first).toMatch(answer);
  });

  it.each([60, 80, 120, 200])('keeps to %i columns', async (columns) => {
    for (const name of Object.keys(ANSWERS))
      for (const line of await report(columns, sample(name))) {
        // A word or a name that is longer than the page stays whole.
        const words = line.trim().split(' ').length;
        if (words > 2) expect([name, line, textWidth(line) <= columns]).toEqual([name, line, true]);
      }
  });

  it.each([80, 120])('looks like this at %i columns', async (columns) => {
    const lines = await report(columns, sample('nmi-storm.trace.dat'));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`../fixtures/report/nmi-storm.${columns}.txt`);
  });

  it('fits a screen where one root has many victims', async () => {
    expect((await report(100, sample('nmi-storm.trace.dat'))).length).toBeLessThanOrEqual(45);
    const log = join(folder.path, 'hung.txt');
    writeFileSync(log, manyHungTasks(500));
    const lines = await report(100, log);
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines[0]).toMatch(/^error: 500 tasks hung in __mutex_lock\(\), longest 620 s/);
    expect(lines.join('\n')).toContain('job0 … job499: 500 tasks  121–620 s');
    expect((await report(100, log, '--all')).length).toBeGreaterThan(1000);
  });

  it('tells each wait once', async () => {
    const lines = await report(100, sample('nmi-storm.trace.dat'));
    for (const task of ['lab_upd/0:86', 'lab upd-1:87', 'lab_rcuupd:89', 'kworker/0:2:36'])
      expect([task, lines.filter((line) => line.includes(task)).length]).toEqual([task, 1]);
  });

  it('says why a kind of finding could be decided or not with --why', async () => {
    const brief = await report(100, sample('healthy.trace.txt.zst'));
    const long = await report(100, sample('healthy.trace.txt.zst'), '--why');
    expect(brief.filter((line) => /^(assessed|not assessed)/.test(line)).length).toBeGreaterThan(0);
    expect(long.length).toBeGreaterThan(brief.length);
    expect(long).toContain('What this recording can decide');
  });

  it('gives the same root causes as JSON, with the findings in their order', async () => {
    const { out } = await quiesceAt(100, 'replay', sample('srcu-deadlock.trace.txt.zst'), '--db', ':memory:', '--json');
    const { roots, findings, schema } = JSON.parse(out) as ReplayResult;
    expect(schema).toBe('quiesce.replay/2');
    expect(roots.map(({ kind }) => kind)).toEqual(['deadlock', 'unknown']);
    expect(roots.flatMap((root) => root.findings)).toEqual(findings.map(({ id }) => id));
    expect(findings[0].kind).toBe('deadlock');
  });
});
