/** The root cause of a group of findings, as the beginning of its headline. */
import { type Finding, formatDuration, type Root, type RootCode, type RootKind } from '../../../schema/index.ts';

type Named<K extends Finding['kind']> = Extract<Finding, { kind: K }>;

/** `who` is `comm:tid` or '', `cpu` ` on CPU n` or ''. */
type Phrase = (who: string, cpu: string) => string;

const PHRASES: Readonly<Record<RootKind, Phrase>> = {
  'nmi-storm': (_, cpu) => `NMI storm${cpu}`,
  'irq-storm': (_, cpu) => `hardirq storm${cpu}`,
  'softirq-storm': (_, cpu) => `softirq storm${cpu}`,
  'cpu-hog': (who, cpu) => `${who || 'kernel code'} runs${cpu} without passing a quiescent state`,
  'reader-running': (who, cpu) => `RCU reader ${who} still running${cpu}`,
  'reader-preempted': (who, cpu) => `RCU reader ${who} preempted${cpu}`,
  'reader-sleeping': (who) => `RCU reader ${who} asleep in its read-side critical section`,
  'srcu-reader': (who) => `SRCU reader ${who} does not leave its read-side critical section`,
  'gp-kthread-starved': (who, cpu) => `grace-period kthread ${who} starved${cpu}`,
  'timer-lost': (_, cpu) => `timer of the grace-period kthread did not fire${cpu}`,
  'workqueue-starved': (who, cpu) => (who === '' ? `no worker${cpu}` : `${who} occupies its worker pool${cpu}`),
  'lock-holder': (who) => `${who} holds the lock`,
  deadlock: (who) => `deadlock of ${who}`,
  unknown: () => '',
};

const CODES: Readonly<Partial<Record<RootCode, Phrase>>> = {
  DEFERRED_UNLOCK: (who) => `RCU reader ${who} has yet to report (deferred unlock)`,
  IRQS_OFF: (who, cpu) => `interrupts disabled${cpu}${who && ` by ${who}`}`,
  RT_HOG: (who, cpu) => `real-time task ${who} never yields${cpu}`,
  REPORT_LATENCY: (_, cpu) => `RCU core does not get to run${cpu}`,
  TICKLESS_USER: (who, cpu) => `tickless ${who || 'code'}${cpu}`,
  CPU_OFFLINE_RACE: (_, cpu) => `CPU going offline${cpu}`,
  VM_STOLEN: () => 'virtual machine not scheduled by its host',
  GPKTHREAD_NOT_WOKEN: (who, cpu) => `grace-period kthread ${who} not woken${cpu}`,
  GPKTHREAD_ASLEEP: (who) => `grace-period kthread ${who} asleep although a grace period was requested`,
  GPKTHREAD_BLOCKED: (who) => `grace-period kthread ${who} blocked`,
};

/** The root in a few words: `NMI storm on CPU 1`; '' when it is not known. @param lock the one that its victims wait for */
export function causeText({ kind, code, cpu, task, tid }: Root, lock?: string): string {
  const who = task === undefined ? '' : tid === undefined ? task : `${task}:${tid}`;
  const on = cpu === undefined ? '' : ` on CPU ${cpu}`;
  if (kind === 'lock-holder' && lock !== undefined) return `${who} holds ${lock}`;
  const phrase = (code && CODES[code]) ?? PHRASES[kind];
  return phrase(who, on).replace(/ {2,}/g, ' ').trim();
}

/** The root that the findings of a group agree on: of those named, the one that explains most blocked time. */
export function rootOf(group: readonly Finding[]): Root | undefined {
  const weights = new Map<string, { root: Root; weight: number }>();
  for (const finding of group) {
    const root = ownRoot(finding);
    if (root === undefined || (root.kind === 'unknown' && root.code === undefined)) continue;
    const key = `${root.kind} ${root.cpu ?? ''} ${root.task ?? ''}`;
    const entry = weights.get(key) ?? { root, weight: 0 };
    // A finding that names a task or a code knows more than the stall warning.
    const known = (root.task === undefined ? 0 : 1) + (root.code === undefined ? 0 : 1);
    weights.set(key, { root, weight: entry.weight + (finding.end_ns - finding.start_ns + 1) * (1 + 4 * known) });
  }
  let best: { root: Root; weight: number } | undefined;
  for (const entry of weights.values()) if (best === undefined || entry.weight > best.weight) best = entry;
  return best?.root;
}

function ownRoot(finding: Finding): Root | undefined {
  switch (finding.kind) {
    case 'nmi-storm':
    case 'irq-storm':
    case 'softirq-storm':
      return { kind: finding.kind, ...(finding.cpu !== null && { cpu: finding.cpu }) };
    case 'rcu-stall':
      return stallRoot(finding);
    case 'deadlock':
      return { kind: 'deadlock' };
    default:
      return 'root' in finding ? finding.root : undefined;
  }
}

/** `comm:tid` */
const NAMED = /^(.+):(\d+)$/;

function stallRoot({ cause, cause_cpu, cpus, tasks, holdouts }: Named<'rcu-stall'>): Root {
  const holdout = holdouts?.find((candidate) => candidate.cause === cause);
  if (!cause.includes('reader')) {
    const cpu = cause_cpu ?? holdout?.cpu ?? cpus[0];
    const hog = cause === 'cpu-hog' ? NAMED.exec(holdout?.task ?? '') : null;
    return {
      kind: cause,
      ...(cpu !== undefined && cause !== 'gp-kthread-starved' && { cpu }),
      ...(hog && { task: hog[1], tid: Number(hog[2]) }),
    };
  }
  const name = holdout?.tid === undefined ? tasks[0] : holdout.name;
  const at = name?.lastIndexOf(':') ?? -1;
  return {
    kind: cause,
    ...(name !== undefined && at > 0 && { task: name.slice(0, at), tid: Number(name.slice(at + 1)) }),
  };
}

/** Of a storm that the log alone shows. perf's number is a running average (kernel/events/core.c perf_sample_event_took). */
function howLong({ max_ns, average_ns }: Named<'nmi-storm'>): string[] {
  if (average_ns !== undefined) return [`${formatDuration(average_ns)} each on average`];
  return max_ns === null ? [] : [`handlers up to ${formatDuration(max_ns)}`];
}

/** What is known of the root beside its name, in parentheses: the load of a storm, what a holder does. */
export function causeDetails(root: Root, group: readonly Finding[]): string {
  const storm = group.find(
    (finding): finding is Named<'nmi-storm'> => finding.kind === root.kind && 'count' in finding,
  );
  if (storm) {
    const load = storm.share === null ? '' : `${(storm.share * 100).toFixed(1)} % for `;
    const length = formatDuration(storm.end_ns - storm.start_ns);
    return [
      ...(storm.handler === undefined ? [] : [storm.handler]),
      ...(load === '' ? howLong(storm) : [`${load}${length}`]),
    ].join(', ');
  }
  const own = group.find((finding) => finding.kind === 'hung-task' && finding.tid === root.tid);
  if (own?.kind !== 'hung-task') return '';
  return `itself ${own.api === undefined ? 'asleep' : `in ${own.api}()`} for ${formatDuration(own.blocked_ns)}`;
}
