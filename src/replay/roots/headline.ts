/**
 * The headline of a root cause, one line: what is wrong → what that held up → who suffered.
 * `NMI storm on CPU 1 (storm_handler, 99.7 % for 14.0 s) → rcu_preempt GP 521 stalled 13.7 s → 7 tasks hung, longest 14.1 s`.
 */
import { type Finding, formatDuration, type Root, type RootKind } from '../../../schema/index.ts';
import { causeDetails, causeText } from './cause.ts';

type Named<K extends Finding['kind']> = Extract<Finding, { kind: K }>;

const ofKind = <K extends Finding['kind']>(group: readonly Finding[], ...kinds: K[]): Named<K>[] =>
  group.filter((finding): finding is Named<K> => (kinds as Finding['kind'][]).includes(finding.kind));

/** How the kernel calls rules of locking when they are broken. */
const RULES: readonly (readonly [kind: Finding['kind'], words: string, plural: string])[] = [
  ['wait-context', 'invalid wait context', 'invalid wait contexts'],
  ['sleep-in-atomic', 'sleep in atomic context', 'sleeps in atomic context'],
  ['irq-lock-state', 'inconsistent lock state', 'inconsistent lock states'],
  ['irq-lock-order', 'SAFE -> UNSAFE lock order', 'SAFE -> UNSAFE lock orders'],
  ['lock-recursion', 'recursive locking', 'recursive lockings'],
  ['lock-misuse', 'lock misuse', 'lock misuses'],
  ['rcu-usage', 'suspicious RCU usage', 'suspicious RCU usages'],
];

const UNKNOWN_CAUSE = 'cause not recorded';

export function headline(group: readonly Finding[], root: Root | undefined): string {
  const known = root !== undefined && causeText(root) !== '';
  const [deadlock] = ofKind(group, 'deadlock');
  const blocker = known || deadlock ? undefined : blockerOf(group);
  const parts = deadlock ? deadlockParts(deadlock, group) : known ? [causePart(root, group)] : blockerParts(blocker);
  const cause = deadlock ? 'deadlock' : root?.kind;
  if (!deadlock) parts.push(...lockParts(group));
  parts.push(...stallPart(group), ...progressParts(group, cause, parts.length === 0));
  parts.push(...victimPart(group, blocker === undefined ? root?.tid : blocker.tid, deadlock));
  if (parts.length === 0) return group[0].title;
  const locking = group.some((finding) => RULES.some(([kind]) => kind === finding.kind) || 'conflict_locks' in finding);
  const explained =
    known || blocker !== undefined || deadlock !== undefined || locking || ofKind(group, 'lock-inversion').length > 0;
  return `${parts.join(' → ')}${explained ? '' : ` (${UNKNOWN_CAUSE})`}`;
}

/** Of several tasks without a known cause the one that another's chain ends at: it is blocked itself, nobody knows why. */
function blockerOf(group: readonly Finding[]): Named<'hung-task'> | undefined {
  const waits = ofKind(group, 'blocked-sync', 'hung-task');
  return ofKind(group, 'hung-task').find(({ tid }) =>
    waits.some((wait) => wait.tid !== tid && wait.chain.some((link, i) => i > 0 && link.tid === tid)),
  );
}

function blockerParts(blocker: Named<'hung-task'> | undefined): string[] {
  if (blocker === undefined) return [];
  const { task, tid, blocked_ns, api } = blocker;
  const call = api === undefined ? '' : ` in ${api}()`;
  return [`${task}:${tid} hung ${formatDuration(blocked_ns)}${call} (${UNKNOWN_CAUSE})`];
}

function causePart(root: Root, group: readonly Finding[]): string {
  const details = causeDetails(root, group);
  const lock = group
    .flatMap((finding) => ('chain' in finding ? (finding.chain ?? []) : []))
    .find((link) => link.kind === 'lock');
  return `${causeText(root, lock?.name)}${details === '' ? '' : ` (${details})`}`;
}

function deadlockParts(deadlock: Named<'deadlock'>, group: readonly Finding[]): string[] {
  const names = deadlock.waits.map(({ task, tid }) => `${task}:${tid}`);
  const length = formatDuration(deadlock.end_ns - deadlock.start_ns);
  const cycle = names.length === 1 ? ` of ${names[0]} with itself` : ` ${[...names, names[0]].join(' → ')}`;
  const warned = ofKind(group, 'lock-inversion', 'lock-recursion').some((finding) => finding.confidence === 'reported');
  return [`deadlock${cycle}, for ${length}${warned ? ' (lockdep had reported it)' : ''}`];
}

function lockParts(group: readonly Finding[]): string[] {
  const parts: string[] = [];
  const hazards = ofKind(group, 'deferral-hazard');
  if (hazards.length > 0) {
    const [{ api, held }] = hazards;
    parts.push(`${api}() called with ${held.join(', ')} held`);
  }
  const cycles = ofKind(group, 'lock-inversion');
  if (cycles.length > 0) {
    const [{ locks, feasible }] = cycles;
    const could = feasible === 'yes' ? ' (this run could have deadlocked)' : '';
    const more = cycles.length > 1 ? `, and ${cycles.length - 1} more` : '';
    parts.push(`circular locking dependency ${[...locks, locks[0]].join(' → ')}${could}${more}`);
  }
  for (const [kind, words, plural] of RULES) {
    const found = group.filter((finding) => finding.kind === kind);
    if (found.length === 0) continue;
    const latent = found.every(({ severity }) => severity === 'info') ? ' (latent)' : '';
    // Alone it says best itself what it is.
    if (parts.length === 0)
      parts.push(
        `${words}: ${found[0].title.replace(/^lockdep: /, '')}${found.length > 1 ? `, and ${found.length - 1} more` : ''}`,
      );
    else parts.push(`${found.length === 1 ? words : `${found.length} ${plural}`}${latent}`);
  }
  return parts;
}

function stallPart(group: readonly Finding[]): string[] {
  const stalls = ofKind(group, 'rcu-stall');
  if (stalls.length === 0) return [];
  const longest = stalls.reduce((a, b) => (stallLength(b) > stallLength(a) ? b : a));
  // The log may not tell how long.
  const longestNs = stallLength(longest);
  const length = longestNs > 0 ? ` ${formatDuration(longestNs)}` : '';
  const count = stalls.reduce((sum, { recurrence }) => sum + (recurrence?.count ?? 1), 0);
  if (count > 1) return [`${count} RCU grace periods stalled${length && `, longest${length}`}`];
  const { flavor, gp_seq, expedited, cpus, tasks, cause } = longest;
  const who = cause === 'unknown' ? [...cpus.map((cpu) => `CPU ${cpu}`), ...tasks.map((task) => `reader ${task}`)] : [];
  const waits = who.length > 0 ? `, waiting for ${who.join(', ')}` : '';
  const number = gp_seq === null ? '' : ` ${gp_seq}`;
  return [`${flavor} ${expedited ? 'expedited ' : ''}GP${number} stalled${length}${waits}`];
}

const lengthOf = (finding: Finding): number => finding.end_ns - finding.start_ns;
const stallLength = (finding: Finding & { readonly kind: 'rcu-stall' }): number =>
  finding.recurrence?.longest_ns ?? lengthOf(finding);

/** Kthreads, works and watchdogs that made no progress. */
function progressParts(group: readonly Finding[], cause: RootKind | undefined, alone: boolean): string[] {
  const parts: string[] = [];
  const lockups = ofKind(group, 'soft-lockup', 'hard-lockup');
  if (lockups.length > 0) {
    const [{ kind, cpu, task, tid, site }] = lockups;
    const words = kind === 'hard-lockup' ? 'hard LOCKUP' : 'soft lockup';
    const cpus = [...new Set(lockups.map((finding) => finding.cpu))];
    const who = tid === undefined ? task : `${task}:${tid}`;
    parts.push(
      cpus.length > 1
        ? `lockups on CPUs ${cpus.join(', ')}`
        : `${words} on CPU ${cpu} (${who}${site ? ` in ${site}` : ''})`,
    );
  }
  const starved = ofKind(group, 'gp-kthread-starved');
  if (starved.length > 0 && cause !== 'gp-kthread-starved')
    parts.push(`${starved[0].flavor} kthread starved ${formatDuration(starved[0].blocked_ns)}`);
  const works = ofKind(group, 'workqueue-stall');
  if (works.length > 0) {
    const [{ work, workqueue, blocked_ns }] = works;
    const length = blocked_ns === undefined ? '' : ` for ${formatDuration(blocked_ns)}`;
    parts.push(
      works.length > 1 ? `${works.length} work items stalled` : `work ${work} of ${workqueue} not executed${length}`,
    );
  }
  // A storm that held up nothing is shown by its cause; anything else by its own title.
  return parts.length > 0 || !alone ? parts : [];
}

function victimPart(
  group: readonly Finding[],
  rootTid: number | undefined,
  deadlock: Named<'deadlock'> | undefined,
): string[] {
  const cycle = new Set(deadlock?.waits.map(({ tid }) => tid));
  const waits = ofKind(group, 'blocked-sync', 'hung-task').filter(({ tid }) => !cycle.has(tid) && tid !== rootTid);
  const byTask = grouped(waits, ({ task, tid }) => `${task}:${tid}`);
  if (byTask.size === 0) return [];
  const longestNs = Math.max(...waits.map(({ blocked_ns }) => blocked_ns));
  const callers = [...byTask.values()].filter((list) => list.some(({ kind }) => kind === 'blocked-sync'));
  const hung = [...byTask.values()].filter((list) => list.some(({ kind }) => kind === 'hung-task'));
  const apis = new Set(
    callers.flatMap((list) => list.flatMap((wait) => (wait.kind === 'blocked-sync' ? [wait.api] : []))),
  );
  const [api] = apis;
  const called = apis.size === 1 ? `${api}()` : 'synchronize_*()';
  const length = formatDuration(longestNs);
  if (byTask.size === 1) {
    const [[name, list]] = byTask;
    const call = list.find((wait) => wait.api !== undefined)?.api;
    return [`${name} ${hung.length > 0 ? 'hung' : 'blocked'} ${length}${call === undefined ? '' : ` in ${call}()`}`];
  }
  if (callers.length === byTask.size && hung.length === 0)
    return [`${byTask.size} callers of ${called} blocked, longest ${length}`];
  const state = hung.length === byTask.size ? 'hung' : 'blocked';
  const calls = new Set(waits.map((wait) => wait.api));
  const [call] = calls;
  const common = calls.size === 1 && call !== undefined ? ` in ${call}()` : '';
  const inCall =
    callers.length === 0
      ? common
      : callers.length === byTask.size
        ? ` in ${called}`
        : `, ${callers.length} of them in ${called}`;
  const some = state === 'blocked' && hung.length > 0 ? `, ${hung.length} hung` : '';
  return [`${byTask.size} tasks ${state}${inCall}${some}, longest ${length}`];
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const list = groups.get(key);
    if (list) list.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
