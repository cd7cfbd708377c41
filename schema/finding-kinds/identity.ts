/**
 * The identity of a finding: kind, root cause, lock classes or domain, task and function, without what differs from boot to boot
 * (addresses, tids, numbers in the names of tasks). Two bugs never share one; one bug keeps it.
 */
import { type Finding, rowOf } from './index.ts';
import type { IdentityParts } from './row.ts';

/** One line, comparable between boots: `blocked-sync synchronize_srcu lab_srcu lab_upd/N because of nmi-storm`. */
export function identityOf(finding: Finding): string {
  const { cause } = rowOf(finding).identity(finding);
  return cause === undefined ? thingOf(finding) : `${thingOf(finding)} because of ${stableName(cause)}`;
}

/** The identity apart from the cause: what remains the same thing when its cause changes. */
export function thingOf(finding: Finding): string {
  const { functions = [], domain, tasks = [], detail = [], held = [], ...locks } = rowOf(finding).identity(finding);
  return [
    finding.kind,
    ...functions.map(stableName),
    ...(domain === undefined ? [] : [stableName(domain)]),
    ...lockNames(locks),
    ...asSet(tasks.map(stableTaskName)),
    ...(held.length === 0 ? [] : ['under', ...asSet(held.map(stableName))]),
    ...detail,
  ].join(' ');
}

function lockNames({ locks = [], lockOrder }: Pick<IdentityParts, 'locks' | 'lockOrder'>): readonly string[] {
  const names = locks.map(stableName);
  if (lockOrder === 'fixed') return names;
  return lockOrder === 'cycle' ? fromSmallest(names) : asSet(names);
}

const asSet = (names: readonly string[]): string[] => [...new Set(names)].sort();

/** A cycle has no first member: the one that starts with the smallest name, of all its turns the smallest. */
function fromSmallest(names: readonly string[]): readonly string[] {
  const turns = names.map((_, i) => [...names.slice(i), ...names.slice(0, i)]);
  return turns.reduce((best, turn) => (turn.join('\u0000') < best.join('\u0000') ? turn : best), names);
}

/** Without addresses of objects, hashed or not. */
function stableName(name: string): string {
  return name
    .replace(/\(?\b(0x)?[0-9a-f]{8,16}\b\)?/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Tasks of one kind: `kworker/0:2` is `kworker/N:N`, `lab_upd/1` is `lab_upd/N`, a trailing `:tid` is dropped. */
function stableTaskName(name: string): string {
  return name.replace(/:\d+$/, '').replace(/(?<=[/:_-])u?\d+H?\b/g, 'N');
}
