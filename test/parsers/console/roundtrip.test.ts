import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogGrammar, NO_CALLER } from '../../../parsers/console/log-grammar.ts';
import { REPORT } from '../../../parsers/console/report/report-words.ts';
import type { LogReport, LogReportKind } from '../../../schema/index.ts';
import { printReport } from '../../support/console/print-report.ts';
import { fixture, readLog, reportsIn } from '../../support/console-log.ts';

const FIXTURES = readdirSync(new URL('../../fixtures/console/', import.meta.url)).filter((name) =>
  name.endsWith('.txt'),
);

/** A report without time, place and wording. */
function content(report: LogReport): unknown {
  const { tsNs: _tsNs, line: _line, endLine: _endLine, headline: _headline, ...body } = report;
  return body;
}

function reread(report: LogReport): LogReport | undefined {
  const grammar = new LogGrammar();
  for (const [i, line] of printReport(report).entries())
    grammar.feed(report.tsNs, i + 1, report.cpu, NO_CALLER, line, REPORT);
  return grammar.finish().find((candidate) => candidate.kind === report.kind);
}

/** Kinds that the fixtures do not hold. */
const OTHERS: readonly (readonly string[])[] = [
  [
    'WARNING: possible irq lock inversion dependency detected',
    'swapper/0/0 just changed the state of lock:',
    'ffff888100a3a0b8 (&dev->lock){-.-.}-{2:2}, at: serial_interrupt+0x20/0x90',
    'but this lock was taken by another, SOFTIRQ-safe lock in the past:',
    ' (&tty->port_lock){+.+.}-{2:2}',
  ],
  ['WARNING: bad unlock balance detected!', 'a/1 is trying to release lock (mrt_lock) at:', '[<ffff>] f+0x1/0x2'],
  ['BUG: MAX_LOCKDEP_ENTRIES too low!'],
  ['rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { P4093 1-...D } 26003 jiffies s: 105 root: 0x2/T'],
  ['INFO: rcu_preempt self-detected stall on CPU { 0}  (t=65000 jiffies g=48068 c=48067 q=7339)'],
  [
    'watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:b:7]',
    'CPU: 1 PID: 7 Comm: a:b Not tainted 6.1 #1',
    'Call Trace:',
    ' <IRQ>',
    ' f+0x1/0x2',
    ' </IRQ>',
    ' g+0x1/0x2',
  ],
  [
    'watchdog: Watchdog detected hard LOCKUP on cpu 1',
    'CPU: 1 PID: 7 Comm: a Not tainted 6.1 #1',
    'Call Trace:',
    ' f+0x1/0x2',
  ],
  [
    'BUG: workqueue lockup - pool cpus=0-3 flags=0x4 nice=0 stuck for 36s!',
    'Showing busy workqueues and worker pools:',
    'workqueue events: flags=0x0',
    '  pwq 2: cpus=0 node=0 flags=0x0 nice=0 active=2/256 refcnt=3',
    '    in-flight: 3691:f for 31s',
    '    pending: g, h',
  ],
  [
    'BUG: scheduling while atomic: a/7/0x00000101',
    'CPU: 1 PID: 7 Comm: a Not tainted 6.1 #1',
    'Call Trace:',
    ' f+0x1/0x2',
  ],
  ['perf: interrupt took too long (2510 > 2500), lowering kernel.perf_event_max_sample_rate to 79500'],
  ['NMI backtrace for cpu 3 skipped: idling at default_idle+0x1/0x2'],
  ['Kernel panic - not syncing: RCU Stall'],
  ['Kernel panic - not syncing: hung_task: blocked tasks'],
  ['Linux version 6.12.0 (a@b) (gcc) #2 SMP PREEMPT_RT'],
  ['rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.'],
];

describe('parse → print → parse (MODEL O34)', () => {
  it('gives the same report for every report of the fixtures', async () => {
    const kinds = new Set<LogReportKind>();
    for (const name of FIXTURES)
      for (const report of (await readLog(fixture(name))).reports) {
        kinds.add(report.kind);
        expect(content(reread(report) ?? report), printReport(report).join('\n')).toEqual(content(report));
        expect(reread(report)).toBeDefined();
      }
    expect(kinds.size).toBeGreaterThanOrEqual(12);
  });

  it.each(OTHERS.map((lines) => [lines[0], lines] as const))('gives the same report for: %s', (_title, lines) => {
    const reports = reportsIn(lines);
    expect(reports).not.toEqual([]);
    for (const report of reports) expect(content(reread(report) as LogReport)).toEqual(content(report));
  });

  it('gives the same report whatever a damaged log holds', () => {
    const lines = FIXTURES.flatMap((name) => fixture(name).split('\n')).map((line) =>
      line.replace(/^\[[^\]]*\] ?/, ''),
    );
    const all = [...lines, ...OTHERS.flat()];
    const anyLine = fc.integer({ min: 0, max: all.length - 1 }).map((i) => all[i]);
    const run = fc
      .tuple(fc.integer({ min: 0, max: lines.length - 1 }), fc.integer({ min: 1, max: 120 }))
      .map(([from, count]) => lines.slice(from, from + count));
    const cut = fc
      .tuple(anyLine, fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([line, share]) => [line.slice(0, line.length * share)]);
    const log = fc.array(
      fc.oneof({ weight: 3, arbitrary: run }, { weight: 2, arbitrary: anyLine.map((line) => [line]) }, cut),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(log, (parts) => {
        for (const report of reportsIn(parts.flat())) {
          const again = reread(report);
          expect(again && content(again), printReport(report).join('\n')).toEqual(content(report));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('any bytes at all (MODEL O50)', () => {
  it('are read without exception, one event per line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 4000 }), async (bytes) => {
        // The first byte keeps them from being taken for compressed data.
        const text = Uint8Array.of(0x78, ...bytes);
        const { events } = await readLog(text);
        const lines = Buffer.from(text).toString('latin1').split('\n');
        expect(events.length).toBe(lines.at(-1) === '' ? lines.length - 1 : lines.length);
      }),
      { numRuns: 300 },
    );
  });

  it('are read without exception when they look like reports', async () => {
    const word = fc.constantFrom(
      ...'[   12.345678] |[ T12]|INFO: |BUG: |WARNING: |rcu: |task |a/1 is trying to acquire lock:|(x){..}-{2:2}|-> #1 |{|}|P12/1:b..l|Call Trace:| <IRQ>| f+0x1/0x2|CPU: 1 PID: 2 Comm: |\n|\t|  |#0: |held by |detected stalls on CPUs/tasks:|self-detected stall on CPU|blocked for more than |seconds.|:9|stuck for 3s!|workqueue |pwq 1: |in-flight: |ÿ'.split(
        '|',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 200 }), async (words) => {
        await readLog(words.join(''));
      }),
      { numRuns: 300 },
    );
  });

  it('cost time in proportion to their length, whatever repeats', () => {
    const HOSTILE = [
      (n: number) => `INFO: task ${':1 blocked for more than '.repeat(n)}`,
      (n: number) => `a/1 is trying to acquire lock: ${'('.repeat(n)}${'){'.repeat(n)}`,
      (n: number) => `rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: {${' P1 1-...D'.repeat(n)}`,
      (n: number) => ` ${'x+0x'.repeat(n)}`,
      (n: number) => `${' '.repeat(n)}R  running task ${' '.repeat(n)}0x`,
      (n: number) => `workqueue ${'a'.repeat(n)}: flags=0x`,
      (n: number) => `Linux version ${'a #'.repeat(n)}`,
      (n: number) => `BUG: scheduling while atomic: ${'/0x1'.repeat(n)}`,
    ];
    for (const line of HOSTILE) {
      const time = (n: number): number => {
        const started = performance.now();
        for (let i = 0; i < 20; i++)
          reportsIn(['WARNING: possible recursive locking detected', line(n), 'Call Trace:', line(n)]);
        return performance.now() - started;
      };
      time(100);
      // 16 times the text in far less than 16² times the time; the floor keeps timer noise out.
      expect(time(16_000), line(3)).toBeLessThan(Math.max(60, time(1000)) * 64);
    }
  });

  it('hold no more than a bounded number of open reports', () => {
    const grammar = new LogGrammar();
    let reports = 0;
    for (let tid = 0; tid < 20_000; tid++) {
      grammar.feed(tid, tid + 1, undefined, tid, 'rcu: INFO: rcu_preempt self-detected stall on CPU');
      reports += grammar.take().length;
    }
    expect(20_000 - reports).toBeLessThanOrEqual(256);
    expect(reports + grammar.finish().length).toBe(20_000);
  });
});
