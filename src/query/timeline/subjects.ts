/** What the findings of a run are about: the tasks, locks, grace periods and CPUs that its timeline must show. */
import type { ChainLink, Finding } from '../../../schema/index.ts';

export interface Subjects {
  /** Names by tid, those of the worst finding first. */
  readonly tasks: ReadonlyMap<number, string>;
  readonly cpus: ReadonlySet<number>;
  readonly locks: ReadonlySet<string>;
  /** Flavours and names of srcu_structs, as in the table grace_period. */
  readonly gracePeriods: ReadonlySet<string>;
}

export interface SubjectSets {
  readonly tasks: Map<number, string>;
  readonly cpus: Set<number>;
  readonly locks: Set<string>;
  readonly gracePeriods: Set<string>;
}

/** @param findings worst first */
export function subjectsOf(findings: readonly Finding[]): Subjects {
  const subjects: SubjectSets = { tasks: new Map(), cpus: new Set(), locks: new Set(), gracePeriods: new Set() };
  for (const finding of findings) {
    for (const link of chainOf(finding)) addLink(link, subjects);
    addKeys(finding, subjects);
  }
  return subjects;
}

/** The links of the way and its branches; none where the kind has no chain. */
export function chainOf(finding: Finding): readonly ChainLink[] {
  return 'chain' in finding && finding.chain ? finding.chain : [];
}

/** `SRCU grace period of tracepoint_srcu`, `rcu_preempt grace period 521`: the name in the table grace_period. */
export function gracePeriodOf({ kind, name }: ChainLink): string | undefined {
  if (kind === 'srcu-gp') return name.replace(/^SRCU grace period of /, '');
  if (kind !== 'rcu-gp' && kind !== 'tasks-gp') return undefined;
  return name.replace(/ (expedited )?grace period\b.*$/, '').replace(/^an? /, '');
}

function addLink(link: ChainLink, subjects: SubjectSets): void {
  if (link.tid !== undefined) addTask(subjects, link.tid, link.name);
  if (link.cpu !== undefined) subjects.cpus.add(link.cpu);
  if (link.kind === 'lock') subjects.locks.add(link.name);
  const gracePeriod = gracePeriodOf(link);
  if (gracePeriod !== undefined) subjects.gracePeriods.add(gracePeriod);
}

function addTask({ tasks }: SubjectSets, tid: number, name: string): void {
  if (tid > 0 && !tasks.has(tid)) tasks.set(tid, name.replace(/:\d+$/, ''));
}

/** The keys of the kinds that name things themselves. */
function addKeys(finding: Finding, subjects: SubjectSets): void {
  if ('tid' in finding && finding.tid !== undefined) addTask(subjects, finding.tid, taskName(finding));
  if ('cpu' in finding && typeof finding.cpu === 'number') subjects.cpus.add(finding.cpu);
  if ('cpus' in finding) for (const cpu of finding.cpus) subjects.cpus.add(cpu);
  if ('flavor' in finding) subjects.gracePeriods.add(finding.flavor);
  for (const key of ['locks', 'held', 'conflict'] as const) {
    const named = (finding as unknown as Record<string, unknown>)[key];
    if (Array.isArray(named)) for (const lock of named) if (typeof lock === 'string') subjects.locks.add(lock);
  }
  if ('waits' in finding) for (const { tid, task } of finding.waits) addTask(subjects, tid, task);
  if ('tasks' in finding)
    for (const name of finding.tasks) {
      const tid = /:(\d+)$/.exec(name);
      if (tid) addTask(subjects, Number(tid[1]), name);
    }
}

const taskName = (finding: Finding): string => ('task' in finding && finding.task !== undefined ? finding.task : '');
