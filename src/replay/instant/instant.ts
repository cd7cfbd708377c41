/**
 * The state of the models at the instant that a replay has reached, for people: what runs where, who holds what, which grace periods are in
 * flight, who waits for whom. Reads the live models and changes nothing, so the replay can go on afterwards.
 */
import {
  CTX_KNOWN,
  formatContextFlags,
  type StateContext,
  type StateCpu,
  type StateGracePeriod,
  type StateHoldout,
  type StateLock,
  type StateReader,
  type StateResult,
  type StateSyncWait,
  type StateTask,
  type StateWork,
} from '../../../schema/index.ts';
import { softirqName } from '../knowledge/interrupt-events.ts';
import type { CpuState } from '../model/cpu/cpu.ts';
import { addressText } from '../model/lock/class.ts';
import type { LockHolder } from '../model/lock/wait.ts';
import type { LiveRun } from '../model/models.ts';
import { type GracePeriod, type Holdout, heldUntilNs } from '../model/rcu/grace-period.ts';
import {
  STATE_NAMES,
  TASK_BLOCKED,
  TASK_RUNNABLE,
  TASK_RUNNING,
  TASK_UNKNOWN,
  type Task,
  taskKey,
} from '../model/task/task.ts';
import type { WorkExecution, WorkKey } from '../model/work/workqueue.ts';
import { WaitGraph } from './wait-graph.ts';
import { waitsOf } from './wait-walk.ts';

/** Which part of the state is wanted; all of it by default. */
export interface InstantFilter {
  readonly cpu?: number;
  /** By number, by name, or both. */
  readonly task?: { readonly tid?: number; readonly comm?: string };
}

export type Instant = Pick<
  StateResult,
  'cpus' | 'grace_periods' | 'sync_waits' | 'readers' | 'tasks' | 'runnable' | 'locks' | 'work'
>;

const KINDS = ['nmi', 'hardirq', 'softirq'] as const;

/** The state at `atNs`, which is the time of the last event or later. */
export function instantOf(run: LiveRun, atNs: number, filter: InstantFilter = {}): Instant {
  return new InstantReader(run, atNs).read(filter);
}

class InstantReader {
  readonly #run: LiveRun;
  readonly #atNs: number;
  readonly #graph: WaitGraph;

  constructor(run: LiveRun, atNs: number) {
    this.#run = run;
    this.#atNs = atNs;
    this.#graph = new WaitGraph(run, atNs);
  }

  read(filter: InstantFilter): Instant {
    const { models } = this.#run;
    const cpus = models.cpu.all().filter(({ cpu }) => filter.cpu === undefined || cpu === filter.cpu);
    return {
      cpus: cpus.map((state) => this.#cpu(state)),
      grace_periods: this.#gracePeriods(),
      sync_waits: models.sync
        .allOpen()
        .filter((wait) => this.#graph.isWaiting(wait))
        .map(syncWait)
        .sort(bySince),
      readers: this.#readers(),
      tasks: this.#tasksFor(filter),
      runnable: this.#runnable(filter),
      locks: models.locks
        .allHeld()
        .filter((holder) => this.#isWanted(holder.taskKey, filter))
        .map((h) => this.#lock(h)),
      work: this.#work(filter),
    };
  }

  #isWanted(key: number, filter: InstantFilter): boolean {
    const task = this.#run.models.tasks.find(key);
    if (filter.task) return task !== undefined && this.#matches(task, filter.task);
    return filter.cpu === undefined || (task?.cpu ?? -1 - key) === filter.cpu;
  }

  #matches(task: Task, { tid, comm }: NonNullable<InstantFilter['task']>): boolean {
    return (
      (tid === undefined || task.tid === tid) && (comm === undefined || this.#run.models.tasks.name(task) === comm)
    );
  }

  #cpu(state: CpuState): StateCpu {
    const { cpu, load, tasks } = this.#run.models;
    const known = state.tid >= 0;
    const task = known ? tasks.find(taskKey(state.tid, state.cpu)) : undefined;
    return {
      cpu: state.cpu,
      task: known ? (task ? tasks.name(task) : this.#run.world.dictionary.string(state.comm) || '<...>') : null,
      tid: known ? state.tid : null,
      since_ns: task?.state === TASK_RUNNING ? task.onCpuSinceNs : null,
      contexts: contextsOf(state),
      last_event_ns: state.lastEventNs,
      flags: state.flags & CTX_KNOWN ? formatContextFlags(state.flags) : null,
      lost: state.inGap,
      rcu:
        state.watching === undefined && state.tid !== 0 ? 'unknown' : cpu.isQuiescent(state) ? 'quiescent' : 'watching',
      load: {
        nmi: load.share('nmi', state.cpu, this.#atNs),
        hardirq: load.share('hardirq', state.cpu, this.#atNs),
        softirq: load.share('softirq', state.cpu, this.#atNs),
      },
      storms: KINDS.flatMap((kind) => {
        const storm = load.storm(kind, state.cpu, this.#atNs);
        return storm ? [{ kind, since_ns: storm.startNs }] : [];
      }),
      held: known ? this.#held(taskKey(state.tid, state.cpu)) : [],
    };
  }

  #held(key: number): StateLock[] {
    return this.#run.models.locks.heldBy(key).map((holder) => this.#lock(holder));
  }

  #lock(holder: LockHolder): StateLock {
    return {
      lock: holder.className,
      // Events without an address get a negative number of their own class.
      address:
        typeof holder.instance === 'number' && holder.instance > -65536 && holder.instance < 0
          ? ''
          : addressText(holder.instance),
      task: this.#run.world.dictionary.string(holder.comm) || '<...>',
      tid: holder.tid,
      since_ns: holder.sinceNs,
      mode: holder.read ? 'shared' : 'exclusive',
      trylock: holder.trylock,
      owned: holder.owned,
      annotation: holder.pseudo,
      event: holder.eventId,
    };
  }

  #gracePeriods(): StateGracePeriod[] {
    const periods = [...this.#run.models.rcu.flavors.values()].flatMap(({ gp, expedited }) =>
      [gp, expedited].filter((period) => period !== undefined),
    );
    return periods.sort((a, b) => a.startNs - b.startNs).map((gp) => this.#gracePeriod(gp));
  }

  #gracePeriod(gp: GracePeriod): StateGracePeriod {
    const pending = gp.holdouts.filter((holdout) => heldUntilNs(holdout) === null);
    return {
      flavor: gp.flavor,
      gp_seq: gp.seq === null ? null : String(gp.seq),
      expedited: gp.expedited,
      start_ns: gp.startNs,
      request_ns: gp.requestNs,
      holdouts: pending.map((holdout) => this.#holdout(holdout)).sort(bySince),
      reported: gp.holdouts.length - pending.length,
    };
  }

  #holdout(holdout: Holdout): StateHoldout {
    return {
      kind: holdout.kind,
      name: holdout.name,
      cpu: holdout.cpu,
      ...(holdout.kind === 'reader' && { tid: holdout.tid }),
      since_ns: holdout.fromNs,
      passed_ns: holdout.passedNs,
      load: this.#graph.loadSince(holdout),
    };
  }

  #readers(): StateReader[] {
    const { rcu, sync, tasks } = this.#run.models;
    const readers: StateReader[] = [];
    for (const flavor of rcu.flavors.values()) {
      for (const { tid, cpu, event } of flavor.readers.values()) {
        const task = tasks.find(taskKey(tid, cpu));
        const name = task ? tasks.name(task) : '<...>';
        readers.push({ domain: flavor.name, kind: 'preempted', task: name, tid, since_ns: null, event });
      }
    }
    for (const ofDomain of sync.readers.values()) {
      for (const { domain, task, sinceNs, event } of ofDomain.values())
        readers.push({ domain, kind: 'srcu', task: tasks.name(task), tid: task.tid, since_ns: sinceNs, event });
    }
    return readers;
  }

  /** Asked for by name or CPU: whatever they do. Otherwise those that wait. */
  #tasksFor(filter: InstantFilter): StateTask[] {
    const { tasks, sync } = this.#run.models;
    const chosen: Task[] = [];
    const waiting = new Set<number>([
      ...this.#graph.lockWaiters(),
      ...sync
        .allOpen()
        .filter((wait) => this.#graph.isWaiting(wait))
        .map((wait) => wait.task.key),
    ]);
    for (const task of tasks.all()) {
      const waits = waiting.has(task.key) || (task.state === TASK_BLOCKED && task.tid > 0);
      if (filter.task ? this.#matches(task, filter.task) : waits && this.#isWanted(task.key, filter)) chosen.push(task);
    }
    return chosen.map((task) => this.#task(task)).sort(bySince);
  }

  #task(task: Task): StateTask {
    const { tasks } = this.#run.models;
    const { dictionary } = this.#run.world;
    const woken = task.state === TASK_RUNNABLE && task.wakerTid >= 0 ? tasks.find(task.wakerTid) : undefined;
    return {
      task: tasks.name(task),
      tid: task.tid,
      state: STATE_NAMES[task.state],
      letters: task.letters,
      cpu: task.cpu < 0 ? null : task.cpu,
      prio: task.prio,
      since_ns: task.state === TASK_UNKNOWN ? null : task.sinceNs,
      ...(woken && { woken_by: tasks.label(woken) }),
      stack: task.state === TASK_RUNNING ? [] : dictionary.stackSymbols(task.stack),
      frames:
        task.state === TASK_RUNNING
          ? []
          : dictionary.stackFrames(task.stack).map((frame) => dictionary.formatFrame(frame)),
      held: this.#held(task.key),
      waits_for: waitsOf(task, this.#graph, this.#run, this.#atNs),
    };
  }

  #runnable(filter: InstantFilter): Instant['runnable'] {
    const { tasks } = this.#run.models;
    return [...tasks.all()]
      .filter((task) => task.state === TASK_RUNNABLE && task.tid > 0 && this.#isWanted(task.key, filter))
      .map((task) => ({
        task: tasks.name(task),
        tid: task.tid,
        cpu: task.cpu < 0 ? null : task.cpu,
        since_ns: task.sinceNs,
      }))
      .sort(bySince);
  }

  #work(filter: InstantFilter): StateWork[] {
    const { running, queued, domains } = this.#run.models.work.live;
    const executing = [...running.values()].filter((work) => this.#isWanted(work.workerTid, filter));
    const pending = [...queued.values()].filter(
      (work) => filter.task === undefined && (filter.cpu === undefined || work.cpu === filter.cpu),
    );
    // The event says that a work item is no longer held back by max_active (W16).
    const activates = this.#run.world.dictionary.types.some((type) => type.name === 'workqueue_activate_work');
    const domainOf = (work: WorkKey): { domain?: string } => {
      const domain = domains.get(work);
      return domain === undefined ? {} : { domain };
    };
    return [
      ...executing.map((work) => this.#execution(work)).sort(bySince),
      ...pending
        .map(
          ({ work, fn, workqueue, queuedNs, activatedNs, cpu }): StateWork => ({
            state: activates && activatedNs === null ? 'inactive' : 'pending',
            work: hex(work),
            function: fn,
            workqueue,
            since_ns: queuedNs,
            cpu,
            ...domainOf(work),
          }),
        )
        .sort(bySince),
    ];
  }

  #execution({ work, fn, workqueue, startNs, cpu, workerTid, domain, implied }: WorkExecution): StateWork {
    const { tasks } = this.#run.models;
    const worker = tasks.find(workerTid);
    return {
      state: 'running',
      work: implied ? '' : hex(work),
      function: fn,
      workqueue,
      since_ns: startNs,
      cpu,
      worker: worker ? tasks.name(worker) : 'kworker',
      tid: workerTid,
      ...(domain !== undefined && { domain }),
    };
  }
}

function syncWait(wait: {
  readonly api: string;
  readonly domain: string;
  readonly comm: string;
  readonly tid: number;
  readonly startNs: number;
  readonly source: string;
}): StateSyncWait {
  return {
    api: wait.api,
    domain: wait.domain,
    task: wait.comm,
    tid: wait.tid,
    since_ns: wait.startNs,
    confidence: wait.source === 'stack' ? 'inferred' : 'observed',
  };
}

/** Interrupts that entry events opened; a hardirq may be on top of a softirq, or the other way round at its exit. */
function contextsOf(state: CpuState): StateContext[] {
  const contexts: StateContext[] = [];
  if (state.softirqDepth > 0)
    contexts.push({
      kind: 'softirq',
      name: softirqName(state.softirqVec),
      since_ns: state.softirqSinceNs,
    });
  if (state.hardirqDepth > 0)
    contexts.push({ kind: 'hardirq', name: state.hardirqName, since_ns: state.hardirqSinceNs });
  for (const { kind, name, sinceNs, doubtful } of state.unproven)
    if (!doubtful) contexts.push({ kind, name, since_ns: sinceNs });
  return contexts.sort(bySince);
}

function bySince(a: { readonly since_ns: number | null }, b: { readonly since_ns: number | null }): number {
  return (a.since_ns ?? 0) - (b.since_ns ?? 0);
}

function hex(work: WorkKey): string {
  return `0x${BigInt.asUintN(64, BigInt(work)).toString(16)}`;
}
