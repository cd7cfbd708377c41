/**
 * Who waits for whom at one instant (MODEL 4.1, W4.30): depth-first over the edges that are alive, the oldest first, down to what runs, to
 * what nothing is known of, or to a task that is on its own way.
 */
import { formatDuration, type StateLink } from '../../../schema/index.ts';
import { followWaits, Trail } from '../core/wait-walk.ts';
import { percent } from '../core/wording.ts';
import { interruptEdge, type RuledEdge, WAITS_FOR } from '../knowledge/waits-for.ts';
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
import { INTERRUPT_NAMES, INTERRUPTS, type LiveStep, type LiveWaits, nothing } from './walk-steps.ts';

const LOAD_RULE = interruptEdge('nmi').rule;

/** What a task waits for; empty when nothing says that it waits. */
export function waitsOf(task: Task, graph: WaitGraph, run: LiveRun, atNs: number): StateLink[] {
  return new WaitWalk(graph, run, atNs).waitsOf(task);
}

/** One walk: what the models tell of tasks, locks and CPUs, and what the walk has met. */
class WaitWalk implements LiveWaits {
  readonly graph: WaitGraph;
  readonly run: LiveRun;
  readonly atNs: number;
  readonly #gracePeriods: GracePeriodLinks;
  readonly #trail = new Trail<string>();

  constructor(graph: WaitGraph, run: LiveRun, atNs: number) {
    this.graph = graph;
    this.run = run;
    this.atNs = atNs;
    this.#gracePeriods = new GracePeriodLinks(this);
  }

  waitsOf(task: Task): StateLink[] {
    const show = (step: LiveStep): StateLink => followWaits(step, this.#trail, this.#link);
    return this.#trail.within(taskNode(task), () => this.#task(task).map(show));
  }

  /** A link, from those of what it waits for. */
  readonly #link = (step: LiveStep, repeats: StateLink['repeats'], behind: StateLink[]): StateLink => {
    const { edge, name, sinceNs, tid, cpu, note } = step;
    return {
      kind: edge.kind,
      name,
      ...(tid !== undefined && { tid }),
      ...(cpu !== undefined && { cpu }),
      since_ns: sinceNs,
      ...(note !== undefined && { note }),
      rule: edge.rule,
      // The oldest first (W4.30); on a CPU the load that nothing escapes comes before the task that gets the rest.
      waits_for: behind.sort(
        (a, b) =>
          Number(b.rule === LOAD_RULE) - Number(a.rule === LOAD_RULE) ||
          (a.since_ns ?? this.atNs) - (b.since_ns ?? this.atNs),
      ),
      ...(repeats && { repeats }),
    };
  };

  // -- tasks -----------------------------------------------------------------------------------------------------------

  #task(task: Task): LiveStep[] {
    const { sync } = this.run.models;
    const locks = this.#locks(task.key);
    if (locks.length > 0) return locks;
    const wait = sync.openOf(task.key).findLast((open) => this.graph.isWaiting(open));
    if (wait && task.state !== TASK_RUNNING) return this.#gracePeriods.of(wait);
    switch (task.state) {
      case TASK_RUNNING:
        return task.tid > 0 ? [this.cpu(WAITS_FOR.ownCpu, task.cpu, task.onCpuSinceNs, 'it runs there')] : [];
      case TASK_RUNNABLE:
        return [this.cpu(WAITS_FOR.cpu, task.cpu, task.sinceNs, this.#occupant(task))];
      default:
        return [];
    }
  }

  asTask(edge: RuledEdge, task: Task, note: string | undefined): LiveStep {
    const { tasks } = this.run.models;
    const doing = this.#doing(task);
    const since = task.state === TASK_UNKNOWN ? null : task.sinceNs;
    return {
      edge,
      node: taskNode(task),
      name: tasks.label(task),
      sinceNs: since,
      tid: task.tid,
      note: [note, doing].filter((part) => part).join(', ') || undefined,
      waitsFor: () => this.#task(task),
    };
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

  #locks(key: TaskKey): LiveStep[] {
    const wait = this.graph.lockWait(key);
    if (!wait) return [];
    const edges = this.graph.lockEdges(key);
    const name = edges[0]?.lock ?? (wait.className || 'a lock that no event names');
    const note = edges.length === 0 ? 'its owner is not known' : undefined;
    return [
      {
        edge: WAITS_FOR.lock,
        node: `lock ${wait.instance}`,
        name,
        sinceNs: wait.sinceNs,
        note,
        waitsFor: () => edges.map((edge) => this.#owner(edge)),
      },
    ];
  }

  #owner({ toKey, certainty, basis }: LockWaitEdge): LiveStep {
    const { tasks, locks } = this.run.models;
    const note = certainty === 'inferred' ? `inferred: ${basis}` : undefined;
    const owner = tasks.find(toKey);
    if (owner) return this.asTask(WAITS_FOR.holder, owner, note);
    // Known from its locks only: no scheduler event names it.
    const name = tasks.labelOf(Math.max(0, toKey), locks.heldBy(toKey)[0]?.comm ?? 0);
    return {
      edge: WAITS_FOR.holder,
      node: `task ${toKey}`,
      name,
      sinceNs: null,
      tid: Math.max(0, toKey),
      note,
      waitsFor: () => this.#locks(toKey),
    };
  }

  // -- CPUs ------------------------------------------------------------------------------------------------------------

  /** A CPU and what takes its time: interrupts above all, else the task on it. */
  cpu(edge: RuledEdge, cpu: number, sinceNs: number | null, note: string | undefined): LiveStep {
    const state = this.run.models.cpu.all().find((candidate) => candidate.cpu === cpu);
    return {
      edge,
      node: `cpu ${cpu}`,
      name: cpu < 0 ? 'a CPU' : `CPU ${cpu}`,
      sinceNs,
      ...(cpu >= 0 && { cpu }),
      note,
      waitsFor: () => (state ? this.#takenBy(state) : []),
    };
  }

  #takenBy(state: CpuState): LiveStep[] {
    const { load, tasks } = this.run.models;
    const steps: LiveStep[] = [];
    for (const kind of INTERRUPTS) {
      const share = load.share(kind, state.cpu, this.atNs);
      const storm = load.storm(kind, state.cpu, this.atNs);
      if (!storm && share < (kind === 'nmi' ? NMI_SHARE : IRQ_SHARE)) continue;
      const name = `${INTERRUPT_NAMES[kind]} on CPU ${state.cpu}`;
      const note = `${percent(share)} of the last ${formatDuration(this.run.world.thresholds.nmiStormWindowNs)}`;
      const sinceNs = storm?.startNs ?? null;
      steps.push({ edge: interruptEdge(kind), node: name, name, sinceNs, cpu: state.cpu, note, waitsFor: nothing });
    }
    const runs = state.tid > 0 ? tasks.find(taskKey(state.tid, state.cpu)) : undefined;
    // A task that only runs is a leaf; one that spins on a lock is not.
    if (runs && !this.#trail.isOnWay(taskNode(runs))) {
      steps.push({
        edge: WAITS_FOR.cpuOwner,
        node: taskNode(runs),
        name: tasks.label(runs),
        sinceNs: runs.state === TASK_RUNNING ? runs.onCpuSinceNs : null,
        tid: runs.tid,
        note: 'runs on it',
        waitsFor: () => this.#locks(runs.key),
      });
    }
    return steps;
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
