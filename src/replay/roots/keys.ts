/** What ties findings to one root cause: keys, one string each; findings that share one and overlap in time have one root. */
import { type ChainLink, type Finding, plainClass, type Root, STORM_KINDS } from '../../../schema/index.ts';

const STORMS: ReadonlySet<string> = new Set(Object.values(STORM_KINDS));
/** Roots that are a task, whatever CPU it is on. */
const TASKS: ReadonlySet<string> = new Set([
  'reader-running',
  'reader-preempted',
  'reader-sleeping',
  'srcu-reader',
  'lock-holder',
  'deadlock',
]);

const GP_KTHREAD = 'gp-kthread';
/** The kthread that runs expedited grace periods waits in these for each of them (MODEL R2.47; kernel/rcu/tree_exp.h). */
const EXPEDITED_WAIT = /^(synchronize_rcu_expedited_wait(_once)?|rcu_exp_(sel_)?wait_wake)$/;
const EXPEDITED = 'expedited';

/** `comm:tid` → `tid`. */
const tidOf = (task: string): string => task.slice(task.lastIndexOf(':') + 1);
/** tid 0 is the idle task of every CPU. */
const taskKey = (tid: number | string | undefined): string[] =>
  tid === undefined || Number(tid) <= 0 ? [] : [`task ${tid}`];
const cpuKey = (cpu: number | null | undefined): string[] => (cpu === undefined || cpu === null ? [] : [`cpu ${cpu}`]);

/** A log names no CPU of a storm: then there is one storm. */
function stormKey(kind: string, cpu: number | null | undefined, anyCpu: ReadonlySet<string>): string[] {
  return [anyCpu.has(kind) || cpu === undefined || cpu === null ? kind : `${kind} ${cpu}`];
}

function rootKeys(root: Root | undefined, anyCpu: ReadonlySet<string>): string[] {
  if (root === undefined) return [];
  const { kind, cpu, tid } = root;
  if (STORMS.has(kind)) return stormKey(kind, cpu, anyCpu);
  if (TASKS.has(kind)) return taskKey(tid).length > 0 ? taskKey(tid) : cpuKey(cpu);
  if (kind === 'gp-kthread-starved' || kind === 'timer-lost') return [GP_KTHREAD];
  if (kind === 'workqueue-starved') return [`${kind} ${root.task ?? cpu ?? ''}`, ...taskKey(tid)];
  return [...cpuKey(cpu), ...(cpu === undefined ? taskKey(tid) : [])];
}

/** A wait without a known root belongs to the grace period that it waits for. */
function periodKey({ chain }: Extract<Finding, { kind: 'blocked-sync' | 'hung-task' }>): string[] {
  const period = chain.find((link) => link.kind === 'rcu-gp');
  return period && /\d$/.test(period.name) ? [`gp ${period.name}`] : [];
}

/** A task on the way to the root hangs for the same reason. @param waiter index of the link before it on the way */
function wayKey({ tid, parent, kind }: ChainLink, waiter: number): string[] {
  return (parent ?? waiter) === waiter && (kind === 'worker' || kind === 'task') ? taskKey(tid) : [];
}

function stallKeys(
  { cause, cpus, tasks, flavor, gp_seq, expedited }: Extract<Finding, { kind: 'rcu-stall' }>,
  anyCpu: ReadonlySet<string>,
): string[] {
  const period = [
    ...(gp_seq === null ? [] : [`gp ${flavor} ${expedited ? 'expedited ' : ''}grace period ${gp_seq}`]),
    ...(expedited ? [EXPEDITED] : []),
  ];
  if (STORMS.has(cause)) return [...period, ...cpus.flatMap((cpu) => stormKey(cause, cpu, anyCpu))];
  if (TASKS.has(cause)) return [...period, ...tasks.flatMap((task) => taskKey(tidOf(task)))];
  if (cause === 'gp-kthread-starved' || cause === 'timer-lost') return [...period, GP_KTHREAD];
  return [...period, ...cpus.flatMap(cpuKey)];
}

/** `held > acquired` of a rule that one acquisition breaks. */
const edgeKey = (held: string, acquired: string): string => `edge ${plainClass(held)} > ${plainClass(acquired)}`;

/**
 * @param anyCpu kinds of storms of which a finding names no CPU
 * @param edges acquisitions under which a finding other than an inversion stands: cycles over them belong to it
 */
export function keysOf(finding: Finding, anyCpu: ReadonlySet<string>, edges: ReadonlySet<string>): string[] {
  switch (finding.kind) {
    case 'nmi-storm':
    case 'irq-storm':
    case 'softirq-storm':
      return stormKey(finding.kind, finding.cpu, anyCpu);
    case 'rcu-stall':
      return stallKeys(finding, anyCpu);
    case 'blocked-sync':
    case 'hung-task': {
      const keys = rootKeys(finding.root, anyCpu);
      const expedited = EXPEDITED_WAIT.test(finding.api ?? '') ? [EXPEDITED] : [];
      const behind = finding.chain.slice(1).flatMap((link, i) => wayKey(link, i));
      return [...taskKey(finding.tid), ...expedited, ...(keys.length > 0 ? keys : periodKey(finding)), ...behind];
    }
    case 'gp-kthread-starved':
      return [GP_KTHREAD, ...rootKeys(finding.root, anyCpu)];
    case 'workqueue-stall':
      return [`workqueue-starved ${finding.pool}`, ...rootKeys(finding.root, anyCpu)];
    case 'soft-lockup':
    case 'hard-lockup':
      return [...cpuKey(finding.cpu), ...rootKeys(finding.root, anyCpu)];
    case 'deadlock':
      return finding.waits.flatMap(({ tid }) => taskKey(tid));
    case 'lock-inversion': {
      const { locks } = finding;
      const keys = locks.map((lock, i) => edgeKey(lock, locks[(i + 1) % locks.length]));
      return keys.filter((key) => edges.has(key));
    }
    default:
      return [...brokenEdges(finding), ...sectionKeys(finding)];
  }
}

/** Rules broken under one acquisition of one lock, in one critical section, are one mistake. */
function sectionKeys(finding: Finding): string[] {
  const held = 'held' in finding ? finding.held : finding.kind === 'irq-lock-order' ? [finding.locks[0]] : [];
  return finding.evidence.flatMap((item) =>
    'event' in item && held.some((lock) => item.role.endsWith(` acquires ${lock}`)) ? [`section ${item.event}`] : [],
  );
}

/** The acquisitions that break a rule by themselves. */
export function brokenEdges(finding: Finding): string[] {
  switch (finding.kind) {
    case 'wait-context':
      return (finding.forbidden_by.length > 0 ? finding.forbidden_by : finding.held).map((held) =>
        edgeKey(held, finding.locks[0]),
      );
    case 'irq-lock-order':
      return [edgeKey(finding.locks[0], finding.locks[finding.locks.length - 1])];
    case 'sleep-in-atomic':
      return (finding.forbidden_by ?? finding.held).map((held) => edgeKey(held, finding.call));
    case 'deferral-hazard':
      return finding.held.flatMap((held) =>
        finding.conflict_locks.filter((lock) => lock !== held).map((lock) => edgeKey(held, lock)),
      );
    default:
      return [];
  }
}
