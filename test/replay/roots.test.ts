/** Findings under their root causes: what ties them, what keeps them apart, and the order. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../schema/index.ts';
import { rootsOf, rootsOfRuns } from '../../src/replay/roots/roots.ts';

type Partially = Partial<Finding> & { readonly kind: Finding['kind'] };

let count = 0;
function finding(keys: Partially & Record<string, unknown>): Finding {
  count++;
  const base = { id: `${keys.kind}-${count}`, severity: 'error', confidence: 'observed', title: `finding ${count}` };
  return { ...base, start_ns: 0, end_ns: 10e9, evidence: [], notes: [], ...keys } as unknown as Finding;
}

const hung = (task: string, tid: number, more: Record<string, unknown> = {}): Finding =>
  finding({
    kind: 'hung-task',
    task,
    tid,
    blocked_ns: 10e9,
    chain: [{ kind: 'task', name: task, blame_ns: 0 }],
    ...more,
  });
const storm = (cpu: number, more: Record<string, unknown> = {}): Finding =>
  finding({ kind: 'nmi-storm', cpu, share: 0.99, count: 9, max_ns: 1e6, handler: 'h', ...more });
const stall = (cpu: number, more: Record<string, unknown> = {}): Finding =>
  finding({
    kind: 'rcu-stall',
    flavor: 'rcu_preempt',
    gp_seq: '1',
    cpus: [cpu],
    tasks: [],
    cause: 'nmi-storm',
    ...more,
  });

const groups = (findings: readonly Finding[]): string[][] =>
  rootsOf(findings).roots.map((root) => root.findings.map((id) => id.replace(/-\d+$/, '')).sort());

describe('root causes', () => {
  it('join a storm, the stall behind it, and who waits for that', () => {
    const victim = hung('a', 1, { root: { kind: 'nmi-storm', cpu: 1 } });
    expect(groups([victim, stall(1), storm(1)])).toEqual([['hung-task', 'nmi-storm', 'rcu-stall']]);
    const [root] = rootsOf([victim, stall(1), storm(1)]).roots;
    expect(root.title).toBe(
      'NMI storm on CPU 1 (h, 99.0 % for 10.0 s) → rcu_preempt GP 1 stalled 10.0 s → a:1 hung 10.0 s',
    );
  });

  it('keep apart what happens on another CPU, or long after', () => {
    expect(groups([storm(1), storm(2)])).toHaveLength(2);
    expect(groups([storm(1), storm(1, { start_ns: 60e9, end_ns: 70e9 })])).toHaveLength(2);
    expect(groups([storm(1), storm(1, { start_ns: 12e9, end_ns: 20e9 })])).toHaveLength(1);
  });

  it('put the blocked call and the hung task of one wait together', () => {
    const blocked = finding({
      kind: 'blocked-sync',
      api: 'synchronize_rcu',
      domain: 'rcu_preempt',
      task: 'a',
      tid: 1,
      blocked_ns: 10e9,
      chain: [],
      root: { kind: 'unknown' },
    });
    expect(groups([blocked, hung('a', 1), hung('b', 2)])).toEqual([['blocked-sync', 'hung-task'], ['hung-task']]);
  });

  it('fold tasks that wait alike for nobody knows what', () => {
    const many = Array.from({ length: 20 }, (_, i) => hung(`job${i}`, 100 + i, { api: '__mutex_lock' }));
    const { roots } = rootsOf([...many, hung('other', 7, { api: 'msleep' })]);
    expect(roots.map(({ title }) => title)).toEqual([
      '20 tasks hung in __mutex_lock(), longest 10.0 s (cause not recorded)',
      'other:7 hung 10.0 s in msleep() (cause not recorded)',
    ]);
  });

  it('join rules that one acquisition breaks, and cycles over it', () => {
    const context = finding({ kind: 'wait-context', locks: ['b'], held: ['a'], forbidden_by: ['a'] });
    const cycle = finding({ kind: 'lock-inversion', locks: ['a', 'b'], feasible: 'unknown' });
    const other = finding({ kind: 'lock-inversion', locks: ['a', 'c'], feasible: 'unknown' });
    expect(groups([context, cycle, other])).toEqual(
      expect.arrayContaining([['lock-inversion', 'wait-context'], ['lock-inversion']]),
    );
  });

  it('come with the worst first: severity, what happened before what could, the known before the unknown', () => {
    const warning = storm(3, { severity: 'warning' });
    const rule = finding({ kind: 'lock-inversion', locks: ['a', 'b'], feasible: 'unknown' });
    const unknown = hung('x', 9);
    const { roots, findings } = rootsOf([warning, unknown, rule, storm(1)]);
    expect(roots.map(({ kind }) => kind)).toEqual(['nmi-storm', 'lock-inversion', 'unknown', 'nmi-storm']);
    expect(roots.flatMap((root) => root.findings)).toEqual(findings.map(({ id }) => id));
  });

  it('do not reach from one boot into another', () => {
    const boots = [storm(1, { run_id: 1 }), stall(1, { run_id: 2 })];
    expect(rootsOfRuns(boots).roots.map(({ run_id }) => run_id)).toEqual([1, 2]);
  });

  it('are the same in whatever order the findings come', () => {
    const all = [storm(1), stall(1), hung('a', 1, { root: { kind: 'nmi-storm', cpu: 1 } }), hung('b', 2), storm(2)];
    expect(rootsOf([...all].reverse())).toEqual(rootsOf(all));
  });
});
