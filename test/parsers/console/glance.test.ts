/** What is skipped is skipped for a reason: a line that a glance passes over says nothing to any grammar, and a date that is remembered is the date. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinePrefix } from '../../../parsers/console/layout/prefix/line-prefix.ts';
import { LogGrammar } from '../../../parsers/console/log-grammar.ts';
import { beginningLook, type LineLook, REPORT, wordFinder } from '../../../parsers/console/report/report-words.ts';
import { WordFinder } from '../../../parsers/console/text/word-finder.ts';
import type { LogReport } from '../../../schema/index.ts';
import { fixture, readLog } from '../../support/console-log.ts';

const finder = wordFinder();
const glance = (text: string): LineLook => {
  const bytes = Buffer.from(text);
  return finder.next(bytes, 0, bytes.length) < bytes.length ? REPORT : beginningLook(text);
};

/** What a line alone says to the grammar. */
function said(text: string, look: LineLook): { reports: LogReport[]; trouble: string[] } {
  const trouble: string[] = [];
  const grammar = new LogGrammar({
    cut: (_, title) => trouble.push(`cut: ${title}`),
    unread: (_, line) => trouble.push(`unread: ${line}`),
    notJudged: (_, name) => trouble.push(`not judged: ${name}`),
  });
  grammar.feed(0, 1, undefined, -1, text, look);
  return { reports: grammar.finish(), trouble };
}

/** Pieces that lost their headline, and headlines in the middle of a line. */
const PIECES = [
  'console| INFO: rcu_sched self-detected stall on CPU',
  '?? INFO: rcu_preempt detected stalls on CPUs/tasks:',
  'foo: task kworker/0:1:170 blocked for more than 122 seconds.',
  'Tasks blocked on level-0 rcu_node (CPUs 0-15): P12',
  '(t=21003 jiffies g=4095 q=17)',
  'x 0-...!: (1 GPs behind) idle=a/1/0x4 softirq=5/5 fqs=9 (12 ticks this GP)',
  'foo kthread starved for 10556 jiffies!',
  'unit soft lockup - CPU#3 stuck for 23s!',
  'unit Watchdog detected hard LOCKUP on cpu 3',
  'pool cpus=3 node=0 stuck for 231s!',
  'x possible circular locking dependency detected',
  'x possible irq lock inversion dependency detected',
  'x suspicious RCU usage',
  'smp: csd: Detected non-responsive CSD lock (#1) on CPU#0, waiting 5000000042 ns for CPU#01 do_nothing+0x0/0x10(0x0).',
  'sched: CPU 1 need_resched set for > 100004000 ns (25 ticks) without schedule',
  'x csd: Continued non-responsive CSD lock (#1) on CPU#0',
  '> 3 locks held by kworker/0:0/7:',
  'x is trying to acquire lock:',
  'but task is already holding lock:',
  '  Workqueue: rcu_gp process_srcu',
  'syz-executor.5  D27808 11347      1 0x00000004',
];

describe('a glance at a line', () => {
  it('passes over nothing that a grammar reads', async () => {
    const logs = ['lock-cycle.txt', 'nmi-storm.txt', 'srcu-chain.txt', 'sleep-in-atomic.txt', 'stall-cpu-hog.txt'].map(
      fixture,
    );
    const texts = (await Promise.all(logs.map((log) => readLog(log)))).flatMap(({ events }) =>
      events.map(({ msg }) => msg),
    );
    expect(texts.length).toBeGreaterThan(100);
    for (const text of [...texts, ...PIECES]) expect(said(text, glance(text)), text).toEqual(said(text, REPORT));
  });

  it('sees every piece of a report', () => {
    for (const piece of PIECES) expect(glance(piece), piece).toBe(REPORT);
  });
});

describe('the search for words', () => {
  it('finds the first one, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 3, maxLength: 6 }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), maxLength: 60 }),
        fc.nat(10),
        (words, text, from) => {
          const bytes = Buffer.from(text);
          const found = new WordFinder(words).next(bytes, from, bytes.length);
          const ends = words.map((word) => text.indexOf(word, from)).filter((at) => at >= 0);
          expect(found < bytes.length).toBe(ends.length > 0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('dates', () => {
  const two = (n: number) => String(n).padStart(2, '0');
  const time = fc.record({
    day: fc.constantFrom(20, 21),
    hour: fc.nat(23),
    minute: fc.nat(59),
    second: fc.nat(59),
    micros: fc.nat(999_999),
  });
  type Time = { day: number; hour: number; minute: number; second: number; micros: number };
  const clock = ({ hour, minute, second }: Time) => `${two(hour)}:${two(minute)}:${two(second)}`;
  const FORMS: readonly ((at: Time) => string)[] = [
    (at) => `Mar ${at.day} ${clock(at)} box kernel: text`,
    (at) => `Mar ${at.day} ${clock(at)}.${String(at.micros).padStart(6, '0')} kernel: text`,
    (at) =>
      `2026-03-${at.day}T${clock(at)}.${String(at.micros).padStart(6, '0')}+02:00 box kernel: [    1.500000] text`,
    (at) => `2026:03:${at.day} ${clock(at)} box kernel: text`,
    (at) => `[Fri Mar ${at.day} ${clock(at)} 2026] text`,
    (at) => `[Fri Mar ${at.day} ${clock(at)} 2026] box kernel: text`,
    (at) => `Mar ${at.day} ${clock(at)} box sshd[812]: text`,
  ];
  const read = (prefix: LinePrefix, line: string) => {
    const bytes = Buffer.from(line);
    prefix.scan(bytes, 0, bytes.length);
    const { hasDate, dateSeconds, dateNanos, kernel, fromKernel, stampNs, textStart } = prefix;
    return { hasDate, dateSeconds, dateNanos, kernel, fromKernel, stampNs, text: line.slice(textStart) };
  };

  it('are the same whatever the lines before had', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(time, fc.nat(FORMS.length - 1)), { maxLength: 12 }), (lines) => {
        const prefix = new LinePrefix();
        for (const [at, form] of lines) {
          const line = FORMS[form](at);
          expect(read(prefix, line)).toEqual(read(new LinePrefix(), line));
        }
      }),
      { numRuns: 300 },
    );
  });
});
