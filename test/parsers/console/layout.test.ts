/** The layout of a paste says nothing: the same reports come out of every form of a log, or an import issue tells what could not be read. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayBeBroken, WrapJoiner } from '../../../parsers/console/layout/wrap/wrap-joiner.ts';
import type { LogReport } from '../../../schema/index.ts';
import { fixture, readLog } from '../../support/console-log.ts';

const STAMP = /^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?/;
const bare = (line: string): string => line.replace(STAMP, '');

/** As a mailer breaks lines: at blanks, at most `width` columns. */
function wrapped(line: string, width: number, quote: string): string[] {
  const out: string[] = [];
  let rest = line;
  while (rest.length > width) {
    let at = rest.lastIndexOf(' ', width);
    if (at <= rest.search(/\S/)) at = rest.indexOf(' ', width);
    if (at < 0) break;
    out.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...out, rest].map((piece) => quote + piece);
}

type Layout = (lines: readonly string[]) => string[];

const each =
  (change: (line: string) => string | string[]): Layout =>
  (lines) =>
    lines.flatMap(change);

const LAYOUTS: Readonly<Record<string, Layout>> = {
  quoted: each((line) => `> ${line}`),
  'quoted with initials': each((line) => `AB> ${line}`),
  indented: each((line) => `    ${line}`),
  'with a tab': each((line) => `\t${line}`),
  'carriage returns': each((line) => `${line}\r`),
  'HTML entities': each((line) => line.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')),
  'no-break spaces': each((line) => line.replace(/^ +/, (blanks) => '\u00a0'.repeat(blanks.length))),
  'in a mail': (lines) => ['Hi,', '', 'the log says:', '', ...lines, '', 'Thanks'],
};

/** What is asked first: the kernel's own stamps go, or stay. */
const STAMPS: Readonly<Record<string, Layout>> = {
  none: each(bare),
  kept: (lines) => [...lines],
  'journal without host': each((line) => `Jul 03 16:39:34.123456 kernel: ${bare(line)}`),
  'journal in German': each((line) => `Dez 14 06:35:48 kiste kernel: ${bare(line)}`),
  'callers only': each((line) => `[  T123] ${bare(line)}`),
  'GitLab job': each((line) => `2024-07-03T16:39:34.123456Z 01O ${line}`),
  'grep -n': (lines) => lines.map((line, i) => `dmesg.txt:${i + 1}:${line}`),
  'numbered lines': (lines) => lines.map((line, i) => `${String(i + 1).padStart(6)}  ${line}`),
  Samsung: each((line) => line.replace(STAMP, (stamp) => `${stamp} [0:     khungtaskd:   35] `)),
};

/** A report without where and when it was read. */
const said = ({ tsNs: _, line: __, endLine: ___, cpu: ____, ...report }: LogReport): string => JSON.stringify(report);
const SETTINGS = new Set(['kernel-setting', 'banner', 'unread']);

async function readings(text: string) {
  const { reports, diagnostics } = await readLog(text);
  return {
    said: reports
      .filter(({ kind }) => !SETTINGS.has(kind))
      .map(said)
      .sort(),
    unread: diagnostics.issues,
  };
}

const LOG = [
  '[  984.641295] INFO: task worker/0:1:170 blocked for more than 122 seconds.',
  '[  984.641400]       Not tainted 6.17.0 #10',
  '[  984.641500] "echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
  '[  984.641600] task:worker/0:1      state:D stack:0     pid:170   tgid:170   ppid:2      task_flags:0x200040 flags:0x00004000',
  '[  984.641700] Call Trace:',
  '[  984.641750]  <TASK>',
  '[  984.641900]  __schedule+0x30a/0x750',
  '[  984.642300]  down_read+0x48/0xb0',
  '[  984.642400]  </TASK>',
  '[  985.458858] rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-.... } 6012 jiffies s: 1877 root: 0x1/.',
  '[  986.458858] BUG: workqueue lockup - pool cpus=3 node=0 flags=0x1 nice=0 stuck for 231s!',
  '[  986.458900] Showing busy workqueues and worker pools:',
  '[  986.458901] workqueue events: flags=0x0',
  '[  986.458902]   pwq 6: cpus=3 node=0 flags=0x1 nice=0 active=2/256 refcnt=16',
  '[  986.458903]     in-flight: 14164:refill_work',
  '[  986.458904]     pending: vmstat_update',
];

describe('the layout of a log', () => {
  const logs = [LOG, fixture('lock-cycle.txt').replace(/\r/g, '').trimEnd().split('\n')];

  it.each(Object.keys(STAMPS))('is undone: stamps %s', async (name) => {
    for (const lines of logs)
      expect((await readings(`${STAMPS[name](lines).join('\n')}\n`)).said).toEqual(
        (await readings(`${lines.join('\n')}\n`)).said,
      );
  });

  it.each(Object.keys(LAYOUTS))('is undone: %s', async (name) => {
    for (const lines of logs)
      expect((await readings(`${LAYOUTS[name](lines).join('\n')}\n`)).said).toEqual(
        (await readings(`${lines.join('\n')}\n`)).said,
      );
  });

  it('is undone in any composition, or an import issue says what could not be read', async () => {
    const compositions = fc.record({
      stamps: fc.constantFrom(...Object.keys(STAMPS)),
      width: fc.integer({ min: 56, max: 100 }),
      wrap: fc.boolean(),
      quote: fc.constantFrom('', '> ', '> > ', '>> '),
      layouts: fc.shuffledSubarray(Object.keys(LAYOUTS), { maxLength: 2 }),
      log: fc.constantFrom(...logs),
    });
    await fc.assert(
      fc.asyncProperty(compositions, async ({ stamps, width, wrap, quote, layouts, log }) => {
        let lines = STAMPS[stamps](log);
        lines = lines.flatMap((line) => (wrap ? wrapped(line, width, quote) : [quote + line]));
        for (const layout of layouts) lines = LAYOUTS[layout](lines);
        const got = await readings(`${lines.join('\n')}\n`);
        if (got.unread.has('report-unread') || got.unread.has('log-report-cut')) return;
        expect(got.said).toEqual((await readings(`${log.join('\n')}\n`)).said);
      }),
      { numRuns: 60 },
    );
  });

  it('is told in the name of the format', async () => {
    const { facts } = await readLog(`${LOG.flatMap((line) => wrapped(line, 72, '> ')).join('\n')}\n`);
    expect(facts.format).toMatch(/^kernel log \(quoted, wrapped at [67]\d\)$/);
  });
});

describe('broken lines', () => {
  const join = (first: string, ...pieces: string[]): string | undefined => {
    const joiner = new WrapJoiner();
    joiner.begin(first);
    return pieces.every((piece) => joiner.accept(piece)) && joiner.wholePieces === pieces.length
      ? joiner.wholeText
      : undefined;
  };

  it('are joined where the next line completes the first', () => {
    expect(join('INFO: task a b:170 blocked for more than', '122', 'seconds.')).toBe(
      'INFO: task a b:170 blocked for more than 122 seconds.',
    );
    expect(join('ffff88801776ec18', '((work_completion)(&a->work)){+.+.}-{0:0}, at:', '__flush_work+0x514/0xd50')).toBe(
      'ffff88801776ec18 ((work_completion)(&a->work)){+.+.}-{0:0}, at: __flush_work+0x514/0xd50',
    );
  });

  it('are joined inside a word, as terminals break them', () => {
    expect(join('INFO: task worker:170 blocked for more than 122 sec', 'onds.')).toBe(
      'INFO: task worker:170 blocked for more than 122 seconds.',
    );
  });

  it('are not joined with prose', () => {
    expect(mayBeBroken('The machine hangs when I plug it in, see')).toBe(false);
    expect(join('INFO: task worker:170 blocked for more than 122', 'which is strange')).toBeUndefined();
    expect(join('INFO: task worker:170 blocked for more than 122 seconds.', 'I wonder why')).toBeUndefined();
  });
});

describe('what no grammar reads', () => {
  it('is counted, and kept as a report that names its kinds', async () => {
    const { reports, diagnostics } = await readLog(
      '[    1.000000] foo: INFO: task worker:170 blocked for more than 122 seconds, says foo\n',
    );
    expect(diagnostics.issues.get('report-unread')).toMatchObject({ count: 1, first: { line: 1 } });
    expect(reports).toMatchObject([{ kind: 'unread', about: ['hung-task'] }]);
  });

  it('is named when it is a report of a kind that is not judged', async () => {
    const { diagnostics } = await readLog('[    1.000000] BUG: KASAN: slab-use-after-free in foo+0x1/0x2\n');
    expect(diagnostics.issues.get('report-not-judged')).toMatchObject({
      first: { text: 'KASAN: slab-use-after-free' },
    });
  });
});
