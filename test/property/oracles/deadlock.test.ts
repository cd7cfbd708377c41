/**
 * MODEL §9 O25: a cycle of tasks, each of which keeps what the next one waits for, is a deadlock for as long as nobody moves, and is none as
 * soon as one of its edges goes. Edges of all kinds: locks (W22, W23), SRCU readers (W2, W19), kthread_stop (W24).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../schema/index.ts';
import { type EventLog, type LoggedEvent, readLog, replayLog, tracepoint } from '../../support/event-log.ts';
import { ofKind } from '../../support/replay-capture.ts';

/** How a task waits for the next one of the cycle. */
const KINDS = ['lock', 'srcu', 'stop'] as const;
type Kind = (typeof KINDS)[number];

/** Cycles of one to five tasks; a task neither stops itself nor, without lockdep's say, waits for its own mutex. */
const circles = fc
  .array(fc.constantFrom<Kind>(...KINDS), { minLength: 1, maxLength: 5 })
  .map((kinds) => (kinds.length === 1 ? (['srcu'] as Kind[]) : kinds));

const SYNC = 'synchronize_srcu';

class Circle {
  readonly log: LoggedEvent[] = [];
  readonly kinds: readonly Kind[];
  #tsNs = 1e9;

  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds;
    for (const i of kinds.keys()) this.#keeps(i);
    kinds.forEach((kind, i) => {
      this.#waits(kind, i);
      this.#sleeps(i);
    });
  }

  tid(i: number): number {
    return 100 + (((i % this.kinds.length) + this.kinds.length) % this.kinds.length);
  }

  #at(i: number, ns = 1e6): { tsNs: number; cpu: number; tid: number; comm: string } {
    this.#tsNs += ns;
    return { tsNs: this.#tsNs, cpu: i % 4, tid: this.tid(i), comm: `t${this.tid(i)}` };
  }

  #put(event: LoggedEvent): void {
    this.log.push(event);
  }

  #probe(name: string, i: number, struct: number): LoggedEvent {
    const fields = [
      { name: 'symbol', type: 'str' as const },
      { name: 'ssp', type: 'ptr' as const },
    ];
    const cells = [name, BigInt(0xffffffffa0000000) + BigInt(struct) * 64n];
    return { ...this.#at(i), flags: 0, system: 'kprobes', name, shape: 'kprobe', fields, cells, stack: [] };
  }

  /** Task i keeps what task i − 1 waits for. */
  #keeps(i: number): void {
    const before = this.kinds[(i - 1 + this.kinds.length) % this.kinds.length];
    if (before === 'lock') {
      this.#put(tracepoint('lock_acquire', this.#at(i), 0, `lock${i}`, 4096 + i * 64));
      this.#put(tracepoint('lock_acquired', this.#at(i), `lock${i}`, 4096 + i * 64));
    } else if (before === 'srcu') this.#put(this.#probe('__srcu_read_lock', i, i));
  }

  #waits(kind: Kind, i: number): void {
    const next = (i + 1) % this.kinds.length;
    if (kind === 'lock') {
      this.#put(tracepoint('lock_acquire', this.#at(i), 0, `lock${next}`, 4096 + next * 64));
      this.#put(tracepoint('lock_contended', this.#at(i), `lock${next}`, 4096 + next * 64));
    } else if (kind === 'srcu') this.#put(this.#probe(SYNC, i, next));
    else this.#put(tracepoint('sched_kthread_stop', this.#at(i), `t${this.tid(next)}`, this.tid(next)));
  }

  #sleeps(i: number): void {
    const { tid, cpu } = this.#at(i);
    this.#put(tracepoint('sched_switch', this.#at(i), `t${tid}`, tid, 120, 'D', `swapper/${cpu}`, 0, 120));
  }

  /** Everybody else goes on: ticks, and a bystander that sleeps and wakes and takes locks of its own. */
  idle(rounds: number): this {
    for (let k = 0; k < rounds; k++) {
      this.#tsNs += 3e8;
      const idle = { tsNs: this.#tsNs, cpu: k % 4, tid: 0, comm: '<idle>' };
      this.#put(tracepoint('rcu_utilization', idle, 'Start scheduler-tick'));
      const by = { tsNs: this.#tsNs + 10, cpu: k % 4, tid: 900, comm: 'bystander' };
      this.#put(tracepoint('lock_acquire', by, 0, 'other', 64));
      this.#put(tracepoint('lock_acquired', { ...by, tsNs: by.tsNs + 1 }, 'other', 64));
      this.#put(tracepoint('lock_release', { ...by, tsNs: by.tsNs + 2 }, 'other', 64));
    }
    return this;
  }

  /** Task i lets go of what the task before it waits for. */
  opens(i: number): this {
    const before = this.kinds[(i - 1 + this.kinds.length) % this.kinds.length];
    if (before === 'lock') this.#put(tracepoint('lock_release', this.#at(i), `lock${i}`, 4096 + i * 64));
    else if (before === 'srcu') this.#put(this.#probe('__srcu_read_unlock', i, i));
    else this.#put(tracepoint('sched_kthread_stop_ret', this.#at(i - 1), 0));
    return this;
  }
}

const deadlocks = (log: EventLog): (Finding & { kind: 'deadlock' })[] => ofKind(replayLog(log), 'deadlock');
const members = (found: readonly (Finding & { kind: 'deadlock' })[]): number[][] =>
  found.map((finding) => finding.waits.map((wait) => wait.tid).sort((a, b) => a - b));

describe('O25 a cycle of tasks', () => {
  it('is one deadlock of exactly its tasks, whatever they wait for each other over', () => {
    fc.assert(
      fc.property(circles, (kinds) => {
        const circle = new Circle(kinds).idle(3);
        expect(members(deadlocks(circle.log))).toEqual([kinds.map((_, i) => 100 + i)]);
      }),
      { numRuns: 60 },
    );
  });

  it('stays the same deadlock however long nobody moves', () => {
    fc.assert(
      fc.property(circles, fc.integer({ min: 1, max: 60 }), (kinds, rounds) => {
        const [before] = deadlocks(new Circle(kinds).idle(3).log);
        const [after, ...others] = deadlocks(new Circle(kinds).idle(3 + rounds).log);
        expect(others).toEqual([]);
        expect([after.id, after.waits, after.start_ns]).toEqual([before.id, before.waits, before.start_ns]);
        expect(after.end_ns).toBeGreaterThan(before.end_ns);
      }),
      { numRuns: 30 },
    );
  });

  it('is gone as soon as any one of its edges goes', () => {
    fc.assert(
      fc.property(circles, fc.nat(4), (kinds, pick) => {
        const circle = new Circle(kinds)
          .idle(2)
          .opens(pick % kinds.length)
          .idle(2);
        expect(deadlocks(circle.log)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('that is not closed is none', () => {
    fc.assert(
      fc.property(circles, fc.nat(4), (kinds, pick) => {
        const circle = new Circle(kinds).idle(3);
        // Without the events of one task it keeps and waits for nothing.
        const tid = 100 + (pick % kinds.length);
        const log = circle.log.filter(
          (event) => event.tid !== tid && !(event.name === 'sched_kthread_stop' && event.cells[1] === tid),
        );
        expect(deadlocks(log)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('carries its links, which close where they began and sum to the time since it closed', () => {
    fc.assert(
      fc.property(circles, (kinds) => {
        const [{ chain = [], start_ns, end_ns }] = deadlocks(new Circle(kinds).idle(4).log);
        expect(chain).toHaveLength(1 + 2 * kinds.length);
        expect(chain.at(-1)).toMatchObject({ closes: true, tid: chain[0].tid });
        expect(chain.reduce((sum, link) => sum + link.blame_ns, 0)).toBe(end_ns - start_ns);
        for (const [i, link] of chain.entries()) expect(link.parent).toBe(i === 0 ? undefined : i - 1);
      }),
      { numRuns: 30 },
    );
  });
});

describe('O25 the deadlock of a recording', () => {
  const SAMPLE = new URL('../../../samples/srcu-deadlock.trace.txt.zst', import.meta.url).pathname;

  it('is there from the moment when it closes, and not before', async () => {
    const log = await readLog(SAMPLE);
    const [whole] = deadlocks(log);
    const upTo = (ns: number): EventLog => log.filter((event) => event.tsNs <= ns);
    expect(deadlocks(upTo(whole.start_ns - 1e6))).toEqual([]);
    for (const afterNs of [1e9, 3e9, 9e9]) {
      const [found] = deadlocks(upTo(whole.start_ns + afterNs));
      expect([found.id, found.waits]).toEqual([whole.id, whole.waits]);
    }
  });

  it('is gone without the entry of either reader', async () => {
    const log = await readLog(SAMPLE);
    for (const tid of [82, 83])
      expect(deadlocks(log.filter((event) => event.tid !== tid || event.name !== '__srcu_read_lock'))).toEqual([]);
  });
});
