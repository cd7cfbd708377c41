/** What makes findings of different boots the same one: kind, classes or domain, API, task name. Never their text, never addresses. */
import type { Finding } from '../../schema/index.ts';

/** One line, comparable between boots: `blocked-sync synchronize_srcu lab_srcu lab_upd/N`. */
export function findingIdentity(finding: Finding): string {
  return [finding.kind, ...parts(finding)].join(' ');
}

function parts(finding: Finding): string[] {
  switch (finding.kind) {
    case 'lock-inversion':
    case 'lock-recursion':
      // A cycle has no first member.
      return sorted(finding.locks);
    case 'irq-lock-state':
    case 'irq-lock-order':
      return [finding.irq, ...finding.locks.map(stable)];
    case 'wait-context':
      return [...finding.locks.map(stable), 'under', ...sorted(finding.held)];
    case 'sleep-in-atomic':
      return [taskName(finding.task), 'under', ...sorted(finding.held)];
    case 'deadlock':
      return [...finding.waits.map((wait) => taskName(wait.task))].sort();
    case 'deferral-hazard':
      return [finding.api, 'under', ...sorted(finding.held), 'against', stable(finding.conflict)];
    case 'rcu-stall':
      return [finding.flavor, finding.expedited ? 'expedited' : 'normal', finding.cause];
    case 'blocked-sync':
      return [finding.api, stable(finding.domain), taskName(finding.task)];
    case 'hung-task':
      return [taskName(finding.task), finding.root?.kind ?? ''];
    case 'gp-kthread-starved':
      return [finding.flavor];
    case 'workqueue-stall':
      return [finding.workqueue, stable(finding.work)];
    case 'soft-lockup':
      return [taskName(finding.task)];
    // Which CPU a storm hits is chance.
    case 'nmi-storm':
    case 'irq-storm':
    case 'softirq-storm':
      return [];
  }
}

function sorted(names: readonly string[]): string[] {
  return names.map(stable).sort();
}

/** Without what differs from boot to boot: addresses of objects, hashed or not. */
function stable(name: string): string {
  return name
    .replace(/\(?\b(0x)?[0-9a-f]{8,16}\b\)?/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Tasks of one kind: `kworker/0:2` is `kworker/N:N`, `lab_upd/1` is `lab_upd/N`, a trailing `:tid` is dropped. */
function taskName(name: string): string {
  return name.replace(/:\d+$/, '').replace(/(?<=[/:_-])u?\d+H?\b/g, 'N');
}
