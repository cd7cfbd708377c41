/**
 * Who waits for whom at one instant (MODEL 4.1, W4.30): depth-first over the edges that are alive, the oldest first, down to what runs, to
 * what nothing is known of, or to a task that is on its own way.
 */
import { type ChainLinkKind, formatDuration, type StateLink } from '../../../schema/index.ts';
import { percent } from '../core/wording.ts';
import type { CpuState } from '../model/cpu/cpu.ts';
import type { LockWaitEdge } from '../model/lock/owner.ts';
import type { LiveRun } from '../model/models.ts';
import { IRQ_SHARE, NMI_SHARE } from '../model/rcu/holdout/shares.ts';
import {
  TASK_BLOCKED,
  TASK_RUNNABLE,
  TASK_RUNNING,
  TASK_SLEEPING,
  TASK_UNKNOWN,
  type Task,
  type TaskKey,
  taskKey,
} from '../model/task/task.ts';
import { GracePeriodLinks } from './grace-period-links.ts';
import type { WaitGraph } from './wait-graph.ts';
import { INTERRUPT_NAMES, INTERRUPTS, type LinkDetails, type WalkSteps } from './walk-steps.ts';

/** What a task waits for; empty when nothing says that it waits. */
export function waitsOf(task: Task, graph: WaitGraph, run: LiveRun, atNs: number): StateLink[] {
  return new WaitWalk(graph, run, atNs).waitsOf(task);
}

/** One depth-first walk: what is on the way, and what was shown already. */
class WaitWalk implements WalkSteps {
  readonly graph: WaitGraph;
  readonly run: LiveRun;
  readonly atNs: number;
  readonly #gracePeriods: GracePeriodLinks;
  readonly #path: string[] = [];
  readonly #shown = new Set<string>();

  constructor(graph: WaitGraph, run: LiveRun, atNs: number) {
    this.graph = graph;
    this.run = run;
    this.atNs = atNs;
    this.#gracePeriods = new GracePeriodLinks(this);
  }

  waitsOf(task: Task): StateLink[] {
    this.#path.push(taskNode(task));
    this.#shown.add(taskNode(task));
    const links = this.#task(task);
    this.#path.pop();
    return links;
  }

  /** A link, its successors found by `expand` unless it was shown before. */
  link(
    rule: string,
    node: string,
    kind: ChainLinkKind,
    name: string,
    sinceNs: number | null,
    details: LinkDetails,
    expand: () => StateLink[],
  ): StateLink {
    const { tid, cpu, note } = details;
    const repeats = this.#path.includes(node) ? 'cycle' : this.#shown.has(node) ? 'above' : undefined;
    let waitsFor: StateLink[] = [];
    if (repeats === undefined) {
      this.#path.push(node);
      this.#shown.add(node);
      // The oldest first (W4.30); on a CPU the load that nothing escapes comes before the task that gets the rest.
      waitsFor = expand().sort(
        (a, b) =>
          Number(b.rule === 'W7') - Number(a.rule === 'W7') || (a.since_ns ?? this.atNs) - (b.since_ns ?? this.atNs),
      );
      this.#path.pop();
    }
    return {
      kind,
      name,
      ...(tid !== undefined && { tid }),
      ...(cpu !== undefined && { cpu }),
      since_ns: sinceNs,
      ...(note !== undefined && { note }),
      rule,
      waits_for: waitsFor,
      ...(repeats && { repeats }),
    };
  }

  // -- tasks -----------------------------------------------------------------------------------------------------------

  #task(task: Task): StateLink[] {
    const { sync } = this.run.models;
    const locks = this.#locks(task.key);
    if (locks.length > 0) return locks;
    const wait = sync.openOf(task.key).findLast((open) => this.graph.isWaiting(open));
    if (wait && task.state !== TASK_RUNNING) return this.#gracePeriods.of(wait);
    switch (task.state) {
      case TASK_RUNNING:
        return task.tid > 0 ? [this.cpu('W8', task.cpu, task.onCpuSinceNs, 'it runs there')] : [];
      case TASK_RUNNABLE:
        return [this.cpu('W9', task.cpu, task.sinceNs, this.#occupant(task))];
      default:
        return [];
    }
  }

  asTask(rule: string, kind: ChainLinkKind, task: Task, note: string | undefined): StateLink {
    const { tasks } = this.run.models;
    const doing = this.#doing(task);
    const since = task.state === TASK_UNKNOWN ? null : task.sinceNs;
    return this.link(
      rule,
      taskNode(task),
      kind,
      tasks.label(task),
      since,
      { tid: task.tid, note: [note, doing].filter((part) => part).join(', ') || undefined },
      () => this.#task(task),
    );
  }

  /** What a task does, as far as its state tells; '' where its links tell. */
  #doing(task: Task): string {
    const { sync } = this.run.models;
    switch (task.state) {
      case TASK_RUNNING:
        return task.cpu >= 0 ? `runs on CPU ${task.cpu}` : 'runs';
      case TASK_RUNNABLE:
        return 'runnable, waits for a CPU';
      case TASK_BLOCKED:
      case TASK_SLEEPING: {
        if (this.graph.lockEdges(task.key).length > 0 || sync.openOf(task.key).length > 0) return '';
        const { api } = sync.verdict(task.stack);
        const how = task.state === TASK_BLOCKED ? 'blocked' : 'asleep';
        return api ? `${how} in ${api}` : how;
      }
      case TASK_UNKNOWN:
        return task.gapsAtSince > 0 ? 'unknown since events were lost' : 'not seen by the scheduler events';
      default:
        return 'dead';
    }
  }

  // -- locks -----------------------------------------------------------------------------------------------------------

  #locks(key: TaskKey): StateLink[] {
    const wait = this.graph.lockWait(key);
    if (!wait) return [];
    const edges = this.graph.lockEdges(key);
    const name = edges[0]?.lock ?? (wait.className || 'a lock that no event names');
    const note = edges.length === 0 ? 'its owner is not known' : undefined;
    return [
      this.link('W22', `lock ${wait.instance}`, 'lock', name, wait.sinceNs, { note }, () =>
        edges.map((edge) => this.#owner(edge)),
      ),
    ];
  }

  #owner({ toKey, certainty, basis }: LockWaitEdge): StateLink {
    const { tasks, locks } = this.run.models;
    const note = certainty === 'inferred' ? `inferred: ${basis}` : undefined;
    const owner = tasks.find(toKey);
    if (owner) return this.asTask('W23', 'task', owner, note);
    // Known from its locks only: no scheduler event names it.
    const name = tasks.labelOf(Math.max(0, toKey), locks.heldBy(toKey)[0]?.comm ?? 0);
    return this.link('W23', `task ${toKey}`, 'task', name, null, { tid: Math.max(0, toKey), note }, () =>
      this.#locks(toKey),
    );
  }

  // -- CPUs ------------------------------------------------------------------------------------------------------------

  /** A CPU and what takes its time: interrupts above all, else the task on it. */
  cpu(rule: string, cpu: number, sinceNs: number | null, note: string | undefined): StateLink {
    const state = this.run.models.cpu.all().find((candidate) => candidate.cpu === cpu);
    const details = { ...(cpu >= 0 && { cpu }), note };
    return this.link(rule, `cpu ${cpu}`, 'cpu', cpu < 0 ? 'a CPU' : `CPU ${cpu}`, sinceNs, details, () =>
      state ? this.#takenBy(state) : [],
    );
  }

  #takenBy(state: CpuState): StateLink[] {
    const { load, tasks } = this.run.models;
    const links: StateLink[] = [];
    for (const kind of INTERRUPTS) {
      const share = load.share(kind, state.cpu, this.atNs);
      const storm = load.storm(kind, state.cpu);
      if (!storm && share < (kind === 'nmi' ? NMI_SHARE : IRQ_SHARE)) continue;
      const name = `${INTERRUPT_NAMES[kind]} on CPU ${state.cpu}`;
      const note = `${percent(share)} of the last ${formatDuration(this.run.world.thresholds.nmiStormWindowNs)}`;
      links.push(this.link('W7', name, kind, name, storm?.startNs ?? null, { cpu: state.cpu, note }, () => []));
    }
    const runs = state.tid > 0 ? tasks.find(taskKey(state.tid, state.cpu)) : undefined;
    // A task that only runs is a leaf; one that spins on a lock is not.
    if (runs && !this.#path.includes(taskNode(runs))) {
      const since = runs.state === TASK_RUNNING ? runs.onCpuSinceNs : null;
      const details = { tid: runs.tid, note: 'runs on it' };
      links.push(
        this.link('W8', taskNode(runs), 'task', tasks.label(runs), since, details, () => this.#locks(runs.key)),
      );
    }
    return links;
  }

  #occupant(task: Task): string | undefined {
    const { cpu, tasks } = this.run.models;
    const state = cpu.all().find((candidate) => candidate.cpu === task.cpu);
    if (!state || state.tid <= 0) return undefined;
    const runs = tasks.find(taskKey(state.tid, state.cpu));
    return runs && runs !== task ? `${tasks.label(runs)} has it` : undefined;
  }
}

function taskNode(task: Task): string {
  return `task ${task.key}`;
}
