/**
 * One identity of a finding, in both directions: two bugs never share an id, and one bug keeps its id from boot to boot, where addresses,
 * task ids, CPUs, times and the numbers in task names are others.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChainLink, type FindingDraft, identityOf, type Root, type RootKind } from '../../schema/index.ts';
import { identified } from '../../src/replay/judge/finding-id.ts';
import { suppressionOf } from '../../src/report/replay/suppressions.ts';
import { type EventLog, readLog, replayLog } from '../support/event-log.ts';
import { renameComms, renameLog, shiftLog } from './log-transforms.ts';

/** What differs from boot to boot and says nothing of the bug. */
interface Boot {
  readonly base: bigint;
  readonly tid: number;
  readonly cpu: number;
  readonly instance: number;
  readonly startNs: number;
}

const boot: fc.Arbitrary<Boot> = fc.record({
  base: fc.bigInt({ min: 0xffff_8880_0000_0000n, max: 0xffff_ffff_c000_0000n }),
  tid: fc.integer({ min: 2, max: 4_000_000 }),
  cpu: fc.integer({ min: 0, max: 255 }),
  instance: fc.integer({ min: 0, max: 999 }),
  startNs: fc.integer({ min: 0, max: 1e15 }),
});

/** A bug: what a finding of it says in every boot. */
interface Bug {
  readonly kind:
    | 'blocked-sync'
    | 'hung-task'
    | 'lock-inversion'
    | 'wait-context'
    | 'rcu-stall'
    | 'soft-lockup'
    | 'lock-misuse';
  readonly task: string;
  readonly fn: string;
  readonly locks: readonly string[];
  readonly domain: string;
  readonly root: RootKind;
  readonly rootTask: string;
}

const KINDS = [
  'blocked-sync',
  'hung-task',
  'lock-inversion',
  'wait-context',
  'rcu-stall',
  'soft-lockup',
  'lock-misuse',
] as const;
const bug: fc.Arbitrary<Bug> = fc.record({
  kind: fc.constantFrom(...KINDS),
  task: fc.constantFrom('kworker/', 'job', 'irq/nvme', 'stress-ng-cpu'),
  fn: fc.constantFrom('synchronize_rcu', 'synchronize_srcu', 'rcu_barrier', 'dead_loop', 'feedface_poll'),
  locks: fc.shuffledSubarray(['&p->pi_lock', '&rq->__lock', 'lab_srcu_usage.lock', 'cafebabe_lock'], { minLength: 1 }),
  domain: fc.constantFrom('rcu_preempt', 'tracepoint_srcu', 'lab_srcu'),
  root: fc.constantFrom('nmi-storm', 'reader-preempted', 'lock-holder', 'cpu-hog'),
  rootTask: fc.constantFrom('reader', 'hog'),
});

/** The finding of a bug in a boot. */
function findingOf(bug: Bug, { base, tid, cpu, instance, startNs }: Boot): FindingDraft {
  const common = {
    severity: 'error' as const,
    confidence: 'observed' as const,
    title: `CPU ${cpu}, task ${tid}`,
    start_ns: startNs,
    end_ns: startNs + tid,
    evidence: [{ event: tid, role: 'seen' }],
    notes: [],
  };
  const task = `${bug.task}${instance}`;
  const address = (offset: bigint): string => `0x${(base + offset).toString(16)}`;
  const locks = bug.locks.map((name, i) => `${name}${instance % 3 === 0 ? '' : `#${2 + i}`}`);
  const domain = instance % 2 ? bug.domain : `${bug.domain} (${address(0x40n)})`;
  const root: Root = { kind: bug.root, cpu, task: `${bug.rootTask}/${instance}`, tid };
  const chain: ChainLink[] = [
    { kind: 'task', name: `${task}:${tid}`, tid, blame_ns: 0 },
    { kind: 'lock', name: locks[0], blame_ns: 1 },
  ];
  const at = { task, tid, blocked_ns: tid, chain, root };
  switch (bug.kind) {
    case 'blocked-sync':
      return { ...common, kind: bug.kind, api: bug.fn, domain, ...at };
    case 'hung-task':
      return { ...common, kind: bug.kind, api: bug.fn, ...at };
    case 'lock-inversion': {
      const turn = instance % locks.length;
      return { ...common, kind: bug.kind, locks: [...locks.slice(turn), ...locks.slice(0, turn)], feasible: 'yes' };
    }
    case 'wait-context':
      return {
        ...common,
        kind: bug.kind,
        locks: [locks[0]],
        held: [...locks, `extra${cpu}`],
        forbidden_by: locks.slice(1),
      };
    case 'rcu-stall':
      return {
        ...common,
        kind: bug.kind,
        flavor: bug.domain,
        gp_seq: String(tid),
        cpus: [cpu],
        tasks: [`${task}:${tid}`],
        cause: bug.root,
      };
    case 'soft-lockup':
      return { ...common, kind: bug.kind, cpu, task, tid, site: `${bug.fn}+0x${instance.toString(16)}/0x400` };
    case 'lock-misuse':
      return { ...common, kind: bug.kind, locks: [locks[0]], misuse: 'held-at-exit', task, tid };
  }
}

/** What the kind's identity is made of, written down once more. */
function essence({ kind, task, fn, locks, domain, root, rootTask }: Bug): string {
  const cause = root === 'nmi-storm' ? root : `${root} ${rootTask}`;
  const smallest = [...locks].map((_, i) => [...locks.slice(i), ...locks.slice(0, i)].join()).sort()[0];
  const parts: Record<Bug['kind'], readonly string[]> = {
    'blocked-sync': [task, fn, domain, cause],
    'hung-task': [task, fn, locks[0], cause],
    'lock-inversion': [smallest],
    'wait-context': [locks[0], ...locks.slice(1).sort()],
    'rcu-stall': [domain, root, task],
    'soft-lockup': [task, fn],
    'lock-misuse': [locks[0]],
  };
  return [kind, ...parts[kind]].join(' ');
}

describe('identity of findings', () => {
  it('is that of the bug, whatever the boot', () => {
    fc.assert(
      fc.property(bug, boot, boot, (what, one, other) => {
        expect(identified(findingOf(what, one)).id).toBe(identified(findingOf(what, other)).id);
      }),
    );
  });

  it('is another for another bug, and so is what suppresses it', () => {
    fc.assert(
      fc.property(bug, bug, boot, (one, other, when) => {
        const [a, b] = [one, other].map((what) => identified(findingOf(what, when)));
        const same = essence(one) === essence(other);
        expect([identityOf(a) === identityOf(b), a.id === b.id]).toEqual([same, same]);
        expect(suppressionOf(b, [{ reason: 'known', id: [a.id] }]) !== undefined).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('recordings', () => {
  const at = (name: string): string => new URL(`../../samples/${name}.trace.txt.zst`, import.meta.url).pathname;
  const thresholds = { hungTaskNs: 5e9 };
  const ids = (log: EventLog): string[] =>
    [...new Set(replayLog(log, { thresholds }).findings.map(({ id }) => id))].sort();

  it.each(['nmi-storm', 'preempted-reader', 'srcu-deadlock'])('%s: keeps its ids in another boot', async (name) => {
    const log = await readLog(at(name));
    const renamed = renameLog(log, { tid: (tid) => (tid > 20 ? tid + 7000 : tid), cpu: (cpu) => cpu });
    const other = shiftLog(
      renameComms(renamed, (comm) => comm.replace(/^(kworker\/)\d+:\d+/, '$17:9')),
      77e9,
    );
    expect(ids(log)).not.toEqual([]);
    expect(ids(other)).toEqual(ids(log));
  });

  it('tells waits with different roots apart', async () => {
    const { findings } = replayLog(await readLog(at('nmi-storm')), { thresholds });
    const roots = new Map<string, Set<string>>();
    for (const finding of findings)
      if (finding.kind === 'blocked-sync')
        roots.set(
          finding.id,
          (roots.get(finding.id) ?? new Set()).add(`${finding.root.kind} ${finding.root.code ?? ''}`),
        );
    expect(roots.size).toBeGreaterThan(0);
    for (const [id, of] of roots) expect([id, of.size]).toEqual([id, 1]);
  });
});
