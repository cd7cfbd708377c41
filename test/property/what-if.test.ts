/** MODEL §9 O40–O44: what a what-if replay may and may not do to the findings. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding, WhatIfVariant } from '../../schema/index.ts';
import { type ReplayedRun, WhatIf } from '../../src/replay/what-if/judge.ts';
import { combineVariants, type Operator, type Variant } from '../../src/replay/what-if/operator.ts';
import { resolveVariant, VARIANTS } from '../../src/replay/what-if/variants.ts';
import { replayedRun } from '../support/what-if-run.ts';

const RUNS: readonly (readonly string[])[] = [
  ['nmi-storm.trace.txt.zst'],
  ['nmi-storm.trace.txt.zst', 'nmi-storm.dmesg.txt'],
  ['preempted-reader.trace.txt.zst'],
  ['srcu-deadlock.trace.txt.zst'],
  ['lock-cycle.trace.txt.zst'],
  ['lock-cycle-fixed.trace.txt.zst'],
  ['wait-context-rt.trace.txt.zst'],
  ['healthy.trace.txt.zst'],
  ['lock-cycle.txt'],
  ['wait-context-rt.txt'],
];

const judged = new Map<string, { readonly run: ReplayedRun; readonly whatIf: WhatIf }>();

beforeAll(async () => {
  for (const captures of RUNS) {
    const run = await replayedRun(...captures);
    judged.set(captures.join(' + '), { run, whatIf: new WhatIf(run) });
  }
});

const names = RUNS.map((captures) => captures.join(' + '));
const of = (name: string): { readonly run: ReplayedRun; readonly whatIf: WhatIf } =>
  judged.get(name) as { run: ReplayedRun; whatIf: WhatIf };
const made = (...operators: Operator[]): Variant => ({ name: 'made', title: '', operators });

/** Findings of one bug share an id: like-named tasks behind one root. */
const distinctIds = (findings: readonly Finding[]): string[] => [...new Set(findings.map(({ id }) => id))];

/** What a variant says, without its name. */
const verdict = ({ name: _, title: __, ...said }: WhatIfVariant): unknown => ({
  ...said,
  because: [...said.because].sort(),
  new: said.new.map((finding) => finding.id).sort(),
});

describe.each(names)('%s', (name) => {
  it('O40 identity gives the baseline, byte for byte', () => {
    const { run, whatIf } = of(name);
    expect(JSON.stringify(whatIf.findings(resolveVariant('identity')))).toBe(JSON.stringify(run.baseline));
    expect(whatIf.judge(resolveVariant('identity'))).toMatchObject({
      no_op: true,
      cleared: [],
      new: [],
      remains: distinctIds(run.baseline),
    });
  });

  it('every baseline finding is either cleared or remains; new ones are new; a no-op changes nothing', () => {
    const { run, whatIf } = of(name);
    const ids = distinctIds(run.baseline).sort();
    for (const variant of VARIANTS) {
      const { cleared, remains, new: added, no_op, changed, because } = whatIf.judge(variant);
      expect([...cleared, ...remains].sort()).toEqual(ids);
      for (const finding of added) expect(ids).not.toContain(finding.id);
      if (no_op)
        expect({ cleared, added, changed, because }).toEqual({ cleared: [], added: [], changed: [], because: [] });
      // O44: whatever is cleared, the rewritten witnesses are named.
      else expect(because.length).toBeGreaterThan(0);
      if (cleared.length > 0) expect(because.length).toBeGreaterThan(0);
    }
  });

  it('O41 operators on locks and on waits commute, and so do raw locks and irq_work', () => {
    const { whatIf } = of(name);
    const both = (a: string, b: string): void => {
      const there = verdict(whatIf.judge(resolveVariant(`${a}+${b}`)));
      expect(verdict(whatIf.judge(resolveVariant(`${b}+${a}`)))).toEqual(there);
    };
    both('srcu-raw-locks', 'srcu-irq-work');
    for (const lock of ['srcu-raw-locks', 'srcu-irq-work', 'call-srcu-lockless', 'no-rt'])
      for (const wait of ['no-nmi-load', 'srcu-async-rcu', 'async-teardown', 'expedited']) both(lock, wait);
    both('drop-event-mutex', 'srcu-async-rcu');
  });

  it('O42 taking things away brings no finding', () => {
    const { whatIf } = of(name);
    for (const taking of [
      'srcu-irq-work',
      'call-srcu-lockless',
      'bpf-defer',
      'no-nmi-load',
      'srcu-async-rcu',
      'async-teardown',
      'drop-event-mutex',
    ])
      expect({ taking, added: whatIf.judge(resolveVariant(taking)).new.map((finding) => finding.title) }).toEqual({
        taking,
        added: [],
      });
  });

  it('O43 less time in a context never makes a wait longer; all of it is the identity', () => {
    const { run, whatIf } = of(name);
    const scaled = (factor: number): Map<string, number> =>
      blocked(whatIf.findings(made({ op: 'scale-context', context: 'nmi', factor })));
    expect(whatIf.judge(made({ op: 'scale-context', context: 'nmi', factor: 1 })).no_op).toBe(true);
    let longer = blocked(run.baseline);
    for (const factor of [0.75, 0.5, 0.25, 0]) {
      const shorter = scaled(factor);
      for (const [id, ns] of shorter) expect(ns).toBeLessThanOrEqual(longer.get(id) ?? Number.POSITIVE_INFINITY);
      longer = new Map([...longer].map(([id, ns]) => [id, shorter.get(id) ?? Math.min(ns, 1e9)]));
    }
  });

  it('random operators never break a verdict', () => {
    const { run, whatIf } = of(name);
    const ids = distinctIds(run.baseline).sort();
    fc.assert(
      fc.property(fc.array(operators(run), { maxLength: 4 }), (list) => {
        const variant = combineVariants('made', [made(...list)]);
        const { cleared, remains, new: added, no_op, changed } = whatIf.judge(variant);
        expect([...cleared, ...remains].sort()).toEqual(ids);
        if (no_op) expect([...cleared, ...added, ...changed]).toEqual([]);
        for (const { blocked_ns } of changed) {
          expect(blocked_ns[0]).toBeGreaterThanOrEqual(0);
          expect(blocked_ns[0]).toBeLessThanOrEqual(blocked_ns[1]);
        }
      }),
      { numRuns: 15 },
    );
  });
});

function blocked(findings: readonly Finding[]): Map<string, number> {
  return new Map(
    findings.flatMap((finding) => (finding.kind === 'blocked-sync' ? [[finding.id, finding.blocked_ns] as const] : [])),
  );
}

/** Operators on what the recording has: its lock classes, its domains. */
function operators(run: ReplayedRun): fc.Arbitrary<Operator> {
  const classes = run.record.locks.classes.slice(0, 200).map((cls) => escaped(cls.name));
  const lock = fc.constantFrom('.', '^$', ...classes);
  const domains = fc.constantFrom('.', 'tracepoint', 'nothing');
  const context = fc.constantFrom('nmi' as const, 'hardirq' as const, 'softirq' as const);
  return fc.oneof(
    fc.record({ op: fc.constant('drop-edge' as const), from: lock, to: lock }),
    fc.record({ op: fc.constant('drop-edge' as const), from: lock, to: lock, frames: fc.constantFrom('srcu', 'wake') }),
    fc.record({
      op: fc.constant('add-edge' as const),
      from: lock,
      to: fc.constantFrom('&rq->__lock', '&pool->lock'),
      because: fc.constant('so'),
    }),
    fc.record({
      op: fc.constant('set-wait-type' as const),
      classes: lock,
      type: fc.constantFrom('spin' as const, 'config' as const, 'sleep' as const),
    }),
    fc.record({
      op: fc.constant('set-api-locks' as const),
      api: fc.constant('.'),
      drop: lock,
      because: fc.constant('so'),
    }),
    fc.record({
      op: fc.constant('scale-context' as const),
      context,
      factor: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({
      op: fc.constant('insert-wait' as const),
      domains,
      minMs: fc.constant(1),
      maxMs: fc.constant(20),
      because: fc.constant('so'),
    }),
    fc.record({
      op: fc.constant('replace-srcu-wait' as const),
      how: fc.constantFrom('async' as const, 'polled' as const),
    }),
    fc.record({ op: fc.constant('set-srcu-flavor' as const), domains, flavor: fc.constant('normal' as const) }),
    fc.record({ op: fc.constant('srcu-to-rcu' as const), domains }),
    fc.constant({ op: 'expedite' as const }),
    fc.record({ op: fc.constant('remove-wait' as const), sites: fc.constantFrom('perf', 'srcu') }),
    fc.record({ op: fc.constant('remove-lock-wait' as const), frames: fc.constantFrom('mutex', 'perf') }),
    fc.record({
      op: fc.constant('set-profile' as const),
      field: fc.constantFrom('rt' as const, 'rawLockNesting' as const, 'proveRcu' as const),
      value: fc.boolean(),
    }),
  );
}

function escaped(name: string): string {
  return `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;
}
