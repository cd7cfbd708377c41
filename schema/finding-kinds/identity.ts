/**
 * The identity of a finding: kind, root cause, lock classes or domain, task and function, without what differs from boot to boot
 * (addresses, tids, numbers in the names of tasks). Two bugs never share one; one bug keeps it.
 */
import { type FindingDraft, rowOf } from './index.ts';
import { type IdentityParts, plainClass, stableTaskName } from './row.ts';

/** One line, comparable between boots: `blocked-sync synchronize_srcu lab_srcu lab_upd/N because of nmi-storm`. */
export function identityOf(finding: FindingDraft): string {
  const { cause } = rowOf(finding).identity(finding);
  return cause === undefined ? thingOf(finding) : `${thingOf(finding)} because of ${stableClass(cause)}`;
}

/** The identity apart from the cause: what remains the same thing when its cause changes. */
export function thingOf(finding: FindingDraft): string {
  const { functions = [], domain, tasks = [], detail = [], held = [], ...locks } = rowOf(finding).identity(finding);
  return [
    finding.kind,
    ...functions.map(stableName),
    ...(domain === undefined ? [] : [stableName(domain)]),
    ...lockNames(locks),
    ...asSet(tasks.map(stableTaskName)),
    ...(held.length === 0 ? [] : ['under', ...asSet(held.map(stableClass))]),
    ...detail,
  ].join(' ');
}

function lockNames({ locks = [], lockOrder }: Pick<IdentityParts, 'locks' | 'lockOrder'>): readonly string[] {
  const names = locks.map(stableClass);
  if (lockOrder === 'fixed') return names;
  return lockOrder === 'cycle' ? fromSmallest(names) : asSet(names);
}

const asSet = (names: readonly string[]): string[] => [...new Set(names)].sort();

/** A cycle has no first member: the one that starts with the smallest name, of all its turns the smallest. */
function fromSmallest(names: readonly string[]): readonly string[] {
  const turns = names.map((_, i) => [...names.slice(i), ...names.slice(0, i)]);
  return turns.reduce((best, turn) => (turn.join('\u0000') < best.join('\u0000') ? turn : best), names);
}

/**
 * Without what differs from boot to boot and from build to build: addresses of objects, hashed or not; offsets into functions, the
 * module they are in, and what the compiler appends to their names.
 */
export function stableName(name: string): string {
  return name
    .replace(/ \[[\w-]+\]$/, '')
    .replace(/\+0x[0-9a-f]+(\/0x[0-9a-f]+)?/g, '')
    .replace(/\.(isra|constprop|part|llvm|cold)(\.\d+)?\b/g, '')
    .replace(/\(?\b(0x[0-9a-f]+|(?=[a-f]*\d)[0-9a-f]{8,16})\b\)?/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Lock classes also without `#2` and `/1`, which depend on the order of registration and which events do not carry (L5.4). */
const stableClass = (name: string): string => plainClass(stableName(name));
