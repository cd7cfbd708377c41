import fc from 'fast-check';
import { DirectedGraph } from 'graphology';
import { stronglyConnectedComponents } from 'graphology-components';
import { describe, expect, it } from 'vitest';
import { components, isStrong, minimalCycles } from '../../src/replay/judge/lock/order/cycles.ts';
import { waitRank } from '../../src/replay/model/lock/context/wait-type.ts';
import { DEP_EN, DEP_ER, DEP_SN, DEP_SR, dependencyText } from '../../src/replay/model/lock/order/graph.ts';
import { type CaptureReplay, ofKind } from '../support/replay-capture.ts';
import { type LockStep, replayProgram } from '../support/replay-dsl.ts';
import { type LockOp, type PlainEdge, ReferenceLocks, referenceCycles } from './lock-reference.ts';

const LOCKS = ['a', 'b', 'c', 'd', 'e'];
const FLAGS = [
  [0, false, '...1.'],
  [0, true, 'd..1.'],
  [1, false, '..s1.'],
  [2, true, 'd.h1.'],
] as const;

/** Valid programs: tasks that take and leave locks in any order, interrupts that leave all they took before they end. */
const program: fc.Arbitrary<LockOp[]> = fc
  .array(
    fc.record({
      tid: fc.integer({ min: 1, max: 3 }),
      lock: fc.nat(LOCKS.length - 1),
      action: fc.constantFrom('acquire', 'acquire', 'try', 'release'),
      read: fc.boolean(),
      mode: fc.nat(FLAGS.length - 1),
      pick: fc.nat(5),
    }),
    { maxLength: 60 },
  )
  .map((choices) => {
    const held = new Map<number, { lock: string; context: number; irqsOff: boolean; read: boolean }[]>();
    const ops: LockOp[] = [];
    const release = (tid: number, index: number): void => {
      const mine = held.get(tid) ?? [];
      const anyOff = mine.some((entry) => entry.context === 0 && entry.irqsOff);
      const [entry] = mine.splice(index, 1);
      ops.push({ tid, kind: 'release', ...entry, irqsOff: entry.irqsOff || anyOff });
    };
    for (const { tid, lock, action, read, mode, pick } of choices) {
      const mine = held.get(tid) ?? [];
      held.set(tid, mine);
      let [context, irqsOff] = FLAGS[mode];
      const top = mine.at(-1);
      if (action === 'release') {
        const inContext = mine
          .map((entry, i) => [entry, i] as const)
          .filter(([entry]) => entry.context === top?.context);
        if (inContext.length > 0) release(tid, inContext[pick % inContext.length][1]);
        continue;
      }
      // An interrupt nests above what it interrupts; when a lower context speaks, the higher one is over.
      if (top && context < top.context) {
        while (mine.length > 0 && (mine.at(-1)?.context ?? 0) > context) release(tid, mine.length - 1);
      }
      if (context === 1 && mine.some((entry) => entry.context === 2)) context = 2;
      // None comes while interrupts are off.
      if (context > 0 && mine.some((entry) => entry.context === 0 && entry.irqsOff)) continue;
      irqsOff ||= context === 2;
      // Interrupts stay off while a lock is held that was taken with them off: code that turns them on is tested apart.
      if (context === 0 && mine.some((entry) => entry.context === 0 && entry.irqsOff)) irqsOff = true;
      const name = LOCKS[lock];
      if (mine.some((entry) => entry.lock === name)) continue;
      ops.push({ tid, kind: action as 'acquire' | 'try', lock: name, read, context, irqsOff });
      mine.push({ lock: name, context, irqsOff, read });
    }
    for (const [tid, mine] of held) while (mine.length > 0) release(tid, mine.length - 1);
    return ops;
  });

const steps = (ops: readonly LockOp[]): LockStep[] =>
  ops.map((op) => ({
    tid: op.tid,
    op: op.kind === 'release' ? `-${op.lock}` : `${op.read ? 'r' : ''}${op.kind === 'try' ? '?' : '+'}${op.lock}`,
    flags: op.context === 2 ? 'd.h1.' : op.context === 1 ? '..s1.' : op.irqsOff ? 'd..1.' : '...1.',
  }));

function reference(ops: readonly LockOp[]): ReferenceLocks {
  const locks = new ReferenceLocks();
  for (const op of ops) locks.step(op);
  return locks;
}

const edgeTypes = (replay: CaptureReplay): Record<string, string> => {
  const { events, classes } = replay.engine.models.locks;
  return Object.fromEntries(
    events.graph.edges
      .map((edge): [string, string] => [
        `${classes[edge.from].name}→${classes[edge.to].name}`,
        dependencyText(edge.dep),
      ])
      .sort(),
  );
};

const RUNS = { numRuns: 150 };

describe('held stacks and graph against the plain reference', () => {
  it('O30: stacks empty out, and no release goes unmatched', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (ops) => {
        const { locks } = (await replayProgram(steps(ops))).engine.models;
        expect(locks.allHeld()).toEqual([]);
        expect(locks.events.unmatchedReleases).toBe(0);
        expect(locks.events.staleHolds).toBe(0);
      }),
      RUNS,
    );
  });

  it('O31: the edges and their types are those of the reference, each with a witness that holds both', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (ops) => {
        const replay = await replayProgram(steps(ops));
        const wanted = [...reference(ops).edges].map(([edge, types]): [string, string] => [
          edge,
          ['ER', 'EN', 'SR', 'SN'].filter((type) => types.has(type)).join(','),
        ]);
        expect(edgeTypes(replay)).toEqual(Object.fromEntries(wanted.sort()));
        for (const edge of replay.engine.models.locks.events.graph.edges) {
          expect(edge.witnesses.length).toBeGreaterThan(0);
          for (const witness of edge.witnesses) expect(witness.held.map((hold) => hold.classId)).toContain(edge.from);
        }
      }),
      RUNS,
    );
  });

  it('O32: more events never take an edge away', async () => {
    await fc.assert(
      fc.asyncProperty(program, fc.nat(60), async (ops, cut) => {
        const early = edgeTypes(await replayProgram(steps(ops.slice(0, cut))));
        const all = edgeTypes(await replayProgram(steps(ops)));
        for (const edge of Object.keys(early)) expect(Object.keys(all)).toContain(edge);
      }),
      { numRuns: 60 },
    );
  });

  it('O27: other names and tids, the same verdicts', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (ops) => {
        const renamed = ops.map((op) => ({ ...op, tid: op.tid + 40, lock: `x${op.lock}` }));
        const inversions = async (list: readonly LockOp[]) =>
          ofKind(await replayProgram(steps(list)), 'lock-inversion').map((finding) => [
            finding.locks.map((lock) => lock.replace(/^x/, '')).sort(),
            finding.feasible,
          ]);
        expect(await inversions(renamed)).toEqual(await inversions(ops));
      }),
      { numRuns: 60 },
    );
  });

  it('O33: locks taken by rank never make a cycle', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (ops) => {
        const ranked: LockOp[] = [];
        const held = new Map<number, string[]>();
        for (const op of ops) {
          const mine = held.get(op.tid) ?? [];
          held.set(op.tid, mine);
          if (op.kind === 'release') {
            if (!mine.includes(op.lock)) continue;
            mine.splice(mine.indexOf(op.lock), 1);
          } else {
            if (mine.some((lock) => lock >= op.lock)) continue;
            mine.push(op.lock);
          }
          ranked.push({ ...op, context: 0, irqsOff: true });
        }
        expect(ofKind(await replayProgram(steps(ranked)), 'lock-inversion')).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('O38: a lock is inconsistent exactly when its usage contradicts itself; with interrupts off everywhere none is', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (ops) => {
        const replay = await replayProgram(steps(ops));
        const found = (irq: string) =>
          ofKind(replay, 'irq-lock-state')
            .filter((finding) => finding.irq === irq)
            .map((finding) => finding.locks[0])
            .sort();
        const plain = reference(ops);
        expect(found('hardirq')).toEqual(plain.inconsistent('HARDIRQ'));
        expect(found('softirq')).toEqual(plain.inconsistent('SOFTIRQ'));
        // No interrupts either: one that gets through would show them enabled.
        const off = ops.map((op) => ({ ...op, irqsOff: true, context: 0 }));
        expect(ofKind(await replayProgram(steps(off)), 'irq-lock-state')).toEqual([]);
      }),
      RUNS,
    );
  });

  it('wait-type pairs are those of one context (L5.32)', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (ops) => {
        const { locks } = (await replayProgram(steps(ops))).engine.models;
        const pairs = locks.events.nestings.all
          .filter((nesting) => nesting.held >= 0)
          .map((nesting) => `${locks.classes[nesting.held].name}<${locks.classes[nesting.acquired].name}`);
        expect(new Set(pairs)).toEqual(reference(ops).nestings);
      }),
      RUNS,
    );
  });
});

const TYPE_BITS: Record<string, number> = { EN: DEP_EN, ER: DEP_ER, SN: DEP_SN, SR: DEP_SR };
const graph: fc.Arbitrary<PlainEdge[]> = fc
  .array(
    fc.record({
      from: fc.nat(5),
      to: fc.nat(5),
      types: fc.subarray(Object.keys(TYPE_BITS), { minLength: 1 }).map((types) => new Set(types)),
    }),
    { maxLength: 16 },
  )
  .map((edges) => {
    const distinct = new Map(
      edges.filter((edge) => edge.from !== edge.to).map((edge) => [`${edge.from} ${edge.to}`, edge]),
    );
    return [...distinct.values()];
  });
const plain = (edge: PlainEdge) => ({
  from: edge.from,
  to: edge.to,
  dep: [...edge.types].reduce((bits, type) => bits | TYPE_BITS[type], 0),
});

describe('cycle search', () => {
  it('finds exactly the minimal strong cycles that brute force finds (L5.27)', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const found = minimalCycles(edges.map(plain)).map((cycle) =>
          cycle
            .map((edge) => edge.from)
            .sort((a, b) => a - b)
            .join(','),
        );
        expect(found.sort()).toEqual(referenceCycles(edges));
      }),
      { numRuns: 1500 },
    );
  });

  it('splits the graph into the components that graphology finds', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const oracle = new DirectedGraph();
        for (const edge of edges) oracle.mergeEdge(edge.from, edge.to);
        const wanted = stronglyConnectedComponents(oracle)
          .filter((component) => component.length > 1)
          .map((component) => component.map(Number).sort().join(','));
        const found = components(edges.map(plain)).map((inside) =>
          [...new Set(inside.flatMap((edge) => [edge.from, edge.to]))].sort().join(','),
        );
        expect(found.sort()).toEqual(wanted.sort());
      }),
      { numRuns: 500 },
    );
  });

  it('needs no stack depth: a ring of 50,000 classes', () => {
    const size = 50_000;
    const ring = Array.from({ length: size }, (_, i) => ({ from: i, to: (i + 1) % size, dep: DEP_EN }));
    expect(components(ring)).toHaveLength(1);
  });

  it('O32: without one of its edges a cycle is gone', () => {
    fc.assert(
      fc.property(graph, fc.nat(15), (edges, drop) => {
        const all = edges.map(plain);
        for (const cycle of minimalCycles(all)) {
          const gone = cycle[drop % cycle.length];
          const left = minimalCycles(all.filter((edge) => edge !== gone));
          expect(left.some((other) => other.includes(gone))).toBe(false);
          expect(left.every((other) => isStrong(other))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('wait types', () => {
  const types = ['raw', 'config', 'sleep'] as const;
  const violates = (acquired: (typeof types)[number], held: (typeof types)[number], raw: boolean): boolean =>
    waitRank(acquired, raw) > waitRank(held, raw);

  it('O36: raising the acquired lock only adds violations, raising the held one only removes them', () => {
    for (const raw of [true, false])
      for (const acquired of types)
        for (const held of types)
          for (const [low, high] of [
            ['raw', 'config'],
            ['config', 'sleep'],
          ] as const) {
            if (violates(low, held, raw)) expect(violates(high, held, raw)).toBe(true);
            if (violates(acquired, high, raw)) expect(violates(acquired, low, raw)).toBe(true);
          }
  });

  it('O37: without raw-nesting checks a spinlock never violates a raw one', () => {
    expect(violates('config', 'raw', false)).toBe(false);
    expect(violates('config', 'raw', true)).toBe(true);
    expect(violates('sleep', 'raw', false)).toBe(true);
  });
});
