/** Chains as trees of text: the way to the root downwards, side branches beside it (W4.30), what each link cost, and what shows it. */
import { describe, expect, it } from 'vitest';
import type { ChainLink } from '../../schema/index.ts';
import { ChainDraft, type Link, type LinkDetails, type Waiter } from '../../src/replay/judge/chain/draft.ts';
import { chainLines } from '../../src/report/replay/chain-text.ts';

const PLAIN = { bold: (t: string) => t, dim: (t: string) => t, severity: (_: string, t: string) => t };
const text = (chain: readonly ChainLink[]): string => chainLines(chain, PLAIN).join('\n');

/** A link that answers for some time itself. */
function blamed(
  waiter: Waiter,
  kind: ChainLink['kind'],
  name: string,
  ns: number,
  { rule, ...details }: LinkDetails & Pick<ChainLink, 'rule'> = {},
): Link {
  const link = waiter.waitsFor({ kind, ...(rule && { rule }) }, name, details);
  link.blame(ns);
  return link;
}

describe('a chain under construction', () => {
  it('hangs each link below the one that waits for it, and puts the way to the root first', () => {
    const draft = new ChainDraft();
    const task = blamed(draft, 'task', 'a:1', 5, { tid: 1, event: 10 });
    const srcu = blamed(task, 'srcu-gp', 'SRCU grace period', 1, { rule: 'W2' });
    const worker = blamed(srcu, 'worker', 'kworker:9', 2, { tid: 9, rule: 'W17', event: 12 });
    const period = blamed(worker, 'rcu-gp', 'grace period 4', 3, { rule: 'W18' });
    blamed(period, 'cpu', 'CPU 1', 900, { cpu: 1, rule: 'W4' });
    blamed(srcu, 'work', 'srcu_invoke_callbacks', 50, { rule: 'W20' });
    expect(draft.links().map(({ name, parent, rule, event }) => [name, parent, rule, event])).toEqual([
      ['a:1', undefined, undefined, 10],
      ['SRCU grace period', 0, 'W2', undefined],
      ['kworker:9', 1, 'W17', 12],
      ['grace period 4', 2, 'W18', undefined],
      ['CPU 1', 3, 'W4', undefined],
      ['srcu_invoke_callbacks', 1, 'W20', undefined],
    ]);
  });

  it('meets a task as one link, whatever its role, unless it closes a cycle (W4.41)', () => {
    const draft = new ChainDraft();
    const task = blamed(draft, 'task', 'a:1', 1, { tid: 1 });
    const reader = blamed(task, 'reader', 'b:2', 2, { tid: 2 });
    expect(blamed(task, 'task', 'b:2', 3, { tid: 2 })).toBe(reader);
    blamed(reader, 'reader', 'a:1', 4, { tid: 1, closes: true });
    expect(draft.links().map(({ kind, name, blame_ns, closes }) => [kind, name, blame_ns, closes])).toEqual([
      ['task', 'a:1', 1, undefined],
      ['reader', 'b:2', 5, undefined],
      ['reader', 'a:1', 4, true],
    ]);
  });

  it('ends the way at the link that answers for more than what it waited for', () => {
    const draft = new ChainDraft();
    const task = blamed(draft, 'task', 'a:1', 0, { tid: 1 });
    const period = blamed(task, 'rcu-gp', 'grace period 4', 1);
    blamed(period, 'reader', 'r:2', 900, { tid: 2 });
    const cpu = blamed(period, 'cpu', 'CPU 0', 20, { cpu: 0 });
    blamed(cpu, 'hardirq', 'interrupts on CPU 0', 2, { cpu: 0 });
    expect(draft.links().map(({ name, parent }) => [name, parent])).toEqual([
      ['a:1', undefined],
      ['grace period 4', 0],
      ['r:2', 1],
      ['CPU 0', 1],
      ['interrupts on CPU 0', 3],
    ]);
  });

  it('joins the grace periods that one link waited for, and not those of different waiters', () => {
    const draft = new ChainDraft();
    const task = blamed(draft, 'task', 'a:1', 0, { tid: 1 });
    blamed(task, 'rcu-gp', 'grace period 4', 10);
    const longer = blamed(task, 'rcu-gp', 'grace period 8', 90);
    const reader = blamed(longer, 'reader', 'r:2', 500, { tid: 2 });
    blamed(reader, 'rcu-gp', 'grace period 12', 7);
    const links = draft.links();
    expect(links.map(({ name, blame_ns }) => [name, blame_ns])).toEqual([
      ['a:1', 0],
      ['grace period 8', 100],
      ['r:2', 500],
      ['grace period 12', 7],
    ]);
    expect(links[1].note).toBe('and 1 shorter one after or before it');
  });
});

describe('a chain as text', () => {
  const chain: ChainLink[] = [
    { kind: 'task', name: 'perf:84', blame_ns: 0, tid: 84, note: 'closing a perf event', event: 2895 },
    { kind: 'rcu-gp', name: 'rcu_preempt grace period 521', blame_ns: 20e6, parent: 0 },
    { kind: 'cpu', name: 'CPU 1', blame_ns: 980e6, cpu: 1, parent: 1, event: 2894, note: 'no quiescent state' },
    { kind: 'work', name: 'callbacks', blame_ns: 200e6, parent: 1 },
    { kind: 'hardirq', name: 'interrupts on CPU 0', blame_ns: 1e6, cpu: 0, parent: 1 },
    { kind: 'softirq', name: 'softirqs on CPU 0', blame_ns: 1e6, cpu: 0, parent: 1 },
  ];

  it('is one line per link: time, share, bar and event; small branches share a line', () => {
    expect(text(chain)).toBe(
      [
        '                                                             blame    share                event',
        'perf:84, closing a perf event                                                               2895',
        '└ rcu_preempt grace period 521                             20.0 ms    1.7 %',
        '  ├ interrupts on CPU 0, softirqs on CPU 0                 2.00 ms    0.2 %',
        '  ├ callbacks                                               200 ms   16.6 %  ##',
        '  └ CPU 1, no quiescent state                               980 ms   81.5 %  ########       2894',
      ].join('\n'),
    );
  });

  it('fits a mail', () => {
    for (const line of text([{ ...chain[0], name: 'x'.repeat(200), note: 'y '.repeat(200) }, ...chain.slice(1)]).split(
      '\n',
    ))
      expect(line.length).toBeLessThanOrEqual(96);
  });

  it('says where a cycle closes', () => {
    const circle: ChainLink[] = [
      { kind: 'task', name: 'a:1', blame_ns: 0, tid: 1 },
      { kind: 'reader', name: 'a:1', blame_ns: 9, tid: 1, parent: 0, closes: true, line: 12 },
    ];
    expect(text(circle)).toContain('└ reader a:1, closes the cycle');
    expect(text(circle)).toMatch(/line\n/);
  });
});
