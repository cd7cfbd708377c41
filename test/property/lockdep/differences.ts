/** Runs one random program under the analyser and under the reference, and tells where the two differ. */
import type { Finding } from '../../../schema/index.ts';
import { ofKind, replayText } from '../../support/replay-capture.ts';
import { referenceCycles } from '../lock-reference.ts';
import { programFrom, runReference, traceOf } from './program.ts';
import { LockdepReference, type ReferenceReport } from './reference.ts';

const PROFILE = { rt: false, rawLockNesting: true };

const told = (finding: Finding): boolean => finding.severity !== 'info';
const unique = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

/** Where the two differ, in words; nothing when they agree. */
export async function differences(seed: number): Promise<string[]> {
  const program = programFrom(seed);
  const complete = runReference(program, new LockdepReference('complete'));
  const kernel = runReference(program, new LockdepReference('kernel'));
  const replay = await replayText(traceOf(program, { irqEnable: true, lockStat: seed % 2 === 0 }), {
    profile: PROFILE,
  });
  const found: string[] = [];
  const same = (what: string, got: readonly string[], want: readonly string[]): void => {
    const [a, b] = [unique(got), unique(want)];
    if (a.join() !== b.join()) found.push(`${what}: got ${a.join(' ') || 'none'}, lockdep ${b.join(' ') || 'none'}`);
  };
  const within = (what: string, part: readonly string[], whole: readonly string[]): void => {
    const missing = unique(part).filter((text) => !whole.includes(text));
    if (missing.length > 0) found.push(`${what}: ${missing.join(' ')}`);
  };
  const reports = (kind: ReferenceReport['kind'], text: (report: ReferenceReport) => string): string[] =>
    complete.reports.filter((report) => report.kind === kind).map(text);

  same(
    'recursion',
    ofKind(replay, 'lock-recursion').flatMap(({ locks }) => locks.slice(0, 1)),
    reports('lock-recursion', ({ locks }) => locks[0]),
  );
  same(
    'irq state',
    ofKind(replay, 'irq-lock-state').map(({ locks, irq }) => `${locks[0]}/${irq}`),
    reports('irq-lock-state', ({ locks, irq }) => `${locks[0]}/${irq}`),
  );
  same('inversions', inversions(replay), minimalCycles(complete));

  // Irq order: what is found is one of lockdep's; whatever lockdep finds is found, or a part of it, or has an end that is inconsistent itself.
  const ends = (locks: readonly string[], irq: string | undefined): string => `${locks[0]}⇒${locks.at(-1)}/${irq}`;
  const orders = ofKind(replay, 'irq-lock-order');
  const wanted = reports('irq-lock-order', ({ locks, irq }) => ends(locks, irq));
  within(
    'irq order without lockdep',
    orders.map(({ locks, irq }) => ends(locks, irq)),
    wanted,
  );
  const inconsistent = new Set(reports('irq-lock-state', ({ locks, irq }) => `${locks[0]}/${irq}`));
  const reach = reachability(complete);
  const missed = complete.reports.filter(
    ({ kind, locks: [safe, unsafe], irq }) =>
      kind === 'irq-lock-order' &&
      !inconsistent.has(`${safe}/${irq}`) &&
      !inconsistent.has(`${unsafe}/${irq}`) &&
      simplePath(complete, safe, unsafe, irq ?? 'hardirq') &&
      !orders.some(
        (order) => order.irq === irq && reach(safe, order.locks[0] ?? '') && reach(order.locks.at(-1) ?? '', unsafe),
      ),
  );
  if (missed.length > 0) found.push(`irq order missed: ${missed.map(({ locks, irq }) => ends(locks, irq)).join(' ')}`);

  // Wait contexts: the type of some locks is in no event, then it is an info finding.
  const contexts = ofKind(replay, 'wait-context');
  const violations = reports('wait-context', ({ locks }) => locks[0]);
  within(
    'wait context without lockdep',
    contexts.filter(told).flatMap(({ locks }) => locks),
    violations,
  );
  within(
    'wait context missed',
    violations,
    contexts.flatMap(({ locks }) => locks),
  );
  same(
    'misuse',
    ofKind(replay, 'lock-misuse').flatMap(({ locks }) => locks),
    reports('lock-misuse', ({ locks }) => locks[0]),
  );

  // The kernel stops at its first report, which must be among these.
  for (const { kind, locks } of kernel.reports)
    if (
      !replay.findings.some(
        (finding) => finding.kind === kind || (kind === 'irq-lock-order' && finding.kind === 'irq-lock-state'),
      )
    )
      found.push(`the kernel reports ${kind} of ${locks.join(' ')}`);
  return found;
}

/** Inversions of classes; those of one class by address are none of lockdep's. */
function inversions(replay: Awaited<ReturnType<typeof replayText>>): string[] {
  return ofKind(replay, 'lock-inversion')
    .filter(({ locks }) => new Set(locks).size > 1)
    .map(({ locks }) => [...locks].sort().join('+'));
}

function minimalCycles(lockdep: LockdepReference): string[] {
  const names = [...new Set([...lockdep.after].flatMap(([from, to]) => [from, ...to.keys()]))];
  const edges = [...lockdep.after].flatMap(([from, list]) =>
    [...list].map(([to, types]) => ({ from: names.indexOf(from), to: names.indexOf(to), types })),
  );
  return referenceCycles(edges).map((cycle) =>
    cycle
      .split(',')
      .map((index) => names[Number(index)])
      .sort()
      .join('+'),
  );
}

/**
 * Whether a strong path joins the two that visits no class twice: a detour by a cycle is that cycle's inversion, and the kernel does not
 * go it. All simple paths are tried.
 */
function simplePath(lockdep: LockdepReference, safe: string, unsafe: string, irq: string): boolean {
  const usage = (name: string, bit: string): boolean => lockdep.usage.get(name)?.has(bit) === true;
  const go = (path: readonly string[], onlyRecursive: boolean): boolean =>
    [...(lockdep.after.get(path[path.length - 1]) ?? [])].some(([name, types]) => {
      const left = [...types].filter((type) => !(onlyRecursive && type.startsWith('S')));
      if (left.length === 0 || path.includes(name)) return false;
      const recursive = left.every((type) => type.endsWith('R'));
      if (name === unsafe && (!recursive || usage(name, `ON-${irq}-W`))) return true;
      return go([...path, name], recursive);
    });
  return go([safe], !usage(safe, `IN-${irq}-W`));
}

function reachability(lockdep: LockdepReference): (from: string, to: string) => boolean {
  return (from, to) => {
    const seen = new Set([from]);
    for (const name of seen) for (const next of lockdep.after.get(name)?.keys() ?? []) seen.add(next);
    return seen.has(to);
  };
}
