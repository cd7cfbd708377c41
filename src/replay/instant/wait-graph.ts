/**
 * Who waits for whom at one instant (MODEL 4.1, W4.30): depth-first over the edges that are alive, the oldest first, down to what runs, to
 * what nothing is known of, or to a task that is on its own way.
 */
import type { ChainLinkKind, StateCpu, StateLink } from '../../../schema/index.ts';
import type { ReplayEngine } from '../engine.ts';
import { IRQ_SHARE, NMI_SHARE } from '../holdout-verdict.ts';
import { type CpuState, OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ } from '../model/cpu.ts';
import { type GracePeriod, gracePeriodName, type Holdout, heldUntilNs } from '../model/grace-period.ts';
import { type LockWaitEdge, lockWaitEdges } from '../model/lock-owner.ts';
import type { LockWaitState } from '../model/lock-wait.ts';
import type { SrcuReader, SyncWait } from '../model/sync-wait.ts';
import {
  TASK_BLOCKED,
  TASK_RUNNABLE,
  TASK_RUNNING,
  TASK_SLEEPING,
  TASK_UNKNOWN,
  type Task,
  type TaskKey,
  taskKey,
} from '../model/task.ts';
import type { QueuedWork, WorkExecution } from '../model/workqueue.ts';
import { percent, seconds } from '../wording.ts';

type Load = StateCpu['load'];

interface LinkDetails {
  readonly tid?: number;
  readonly cpu?: number;
  readonly note?: string | undefined;
}

const KINDS = ['nmi', 'hardirq', 'softirq'] as const;
const CONTEXT_NAMES = { nmi: 'NMIs', hardirq: 'interrupts', softirq: 'softirqs' } as const;

/** An uncontended acquisition takes less. */
const UNCONTENDED_NS = 1e5;

/** A CPU that has not switched for this share of a wait can be what an unrecorded grace period waits for (R2.6). */
const COVERS = 0.5;

export class WaitGraph {
  readonly #engine: ReplayEngine;
  readonly #atNs: number;
  readonly #lockEdges = new Map<TaskKey, LockWaitEdge[]>();
  readonly #lockWaits = new Map<TaskKey, LockWaitState>();

  constructor(engine: ReplayEngine, atNs: number) {
    this.#engine = engine;
    this.#atNs = atNs;
    const { locks } = engine.models;
    for (const wait of locks.waits())
      if (!this.#lockWaits.has(wait.taskKey) && this.#lasts(wait)) this.#lockWaits.set(wait.taskKey, wait);
    for (const edge of lockWaitEdges(locks, engine.world.dictionary)) {
      const edges = this.#lockEdges.get(edge.fromKey);
      if (edges) edges.push(edge);
      else this.#lockEdges.set(edge.fromKey, [edge]);
    }
  }

  /** Every acquisition is a wait until its lock_acquired: only contention, or time, makes it one worth telling. */
  #lasts(wait: LockWaitState): boolean {
    if (this.#atNs - wait.sinceNs >= UNCONTENDED_NS) return true;
    const acquisition = this.#engine.models.locks.heldBy(wait.taskKey).find(({ eventId }) => eventId === wait.eventId);
    return acquisition === undefined;
  }

  /** Keys of tasks that wait for a lock. */
  lockWaiters(): Iterable<TaskKey> {
    return this.#lockWaits.keys();
  }

  /** A wait that is known from stacks only is over when its task runs again (W4.13). */
  isWaiting(wait: SyncWait): boolean {
    return wait.source !== 'stack' || wait.task.state === TASK_BLOCKED;
  }

  /** What a task waits for. */
  of(task: Task): StateLink[] {
    return new Walk(this, this.#engine, this.#atNs).waitsOf(task);
  }

  lockEdges(key: TaskKey): readonly LockWaitEdge[] {
    return this.#lockEdges.get(key) ?? [];
  }

  lockWait(key: TaskKey): LockWaitState | undefined {
    return this.#lockWaits.get(key);
  }

  /** Shares of a holdout's CPU since it became one. */
  loadSince(holdout: Holdout): Load {
    const from = holdout.occupancyFrom;
    const to = holdout.occupancyTo ?? this.#engine.models.cpu.get(holdout.cpu).occupancy;
    const total = to.reduce((sum, ns, kind) => sum + ns - from[kind], 0) || 1;
    const share = (kind: number): number => (to[kind] - from[kind]) / total;
    return { nmi: share(OCC_NMI), hardirq: share(OCC_HARDIRQ), softirq: share(OCC_SOFTIRQ) };
  }
}

/** One depth-first walk: what is on the way, and what was shown already. */
class Walk {
  readonly #graph: WaitGraph;
  readonly #engine: ReplayEngine;
  readonly #atNs: number;
  readonly #path: string[] = [];
  readonly #shown = new Set<string>();

  constructor(graph: WaitGraph, engine: ReplayEngine, atNs: number) {
    this.#graph = graph;
    this.#engine = engine;
    this.#atNs = atNs;
  }

  waitsOf(task: Task): StateLink[] {
    this.#path.push(taskNode(task));
    this.#shown.add(taskNode(task));
    const links = this.#task(task);
    this.#path.pop();
    return links;
  }

  /** A link, its successors found by `expand` unless it was shown before. */
  #link(
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
      waitsFor = expand().sort((a, b) => (a.since_ns ?? this.#atNs) - (b.since_ns ?? this.#atNs));
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
    const { sync } = this.#engine.models;
    const locks = this.#locks(task.key);
    if (locks.length > 0) return locks;
    const wait = sync.openOf(task.key).findLast((open) => this.#graph.isWaiting(open));
    if (wait && task.state !== TASK_RUNNING) return this.#sync(wait);
    switch (task.state) {
      case TASK_RUNNING:
        return task.tid > 0 ? [this.#cpu('W8', task.cpu, task.onCpuSinceNs, 'it runs there')] : [];
      case TASK_RUNNABLE:
        return [this.#cpu('W9', task.cpu, task.sinceNs, this.#occupant(task))];
      default:
        return [];
    }
  }

  #asTask(rule: string, kind: ChainLinkKind, task: Task, note: string | undefined): StateLink {
    const { tasks } = this.#engine.models;
    const doing = this.#doing(task);
    const since = task.state === TASK_UNKNOWN ? null : task.sinceNs;
    return this.#link(
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
    const { sync } = this.#engine.models;
    switch (task.state) {
      case TASK_RUNNING:
        return task.cpu >= 0 ? `runs on CPU ${task.cpu}` : 'runs';
      case TASK_RUNNABLE:
        return 'runnable, waits for a CPU';
      case TASK_BLOCKED:
      case TASK_SLEEPING: {
        if (this.#graph.lockEdges(task.key).length > 0 || sync.openOf(task.key).length > 0) return '';
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
    const wait = this.#graph.lockWait(key);
    if (!wait) return [];
    const edges = this.#graph.lockEdges(key);
    const name = edges[0]?.lock ?? (wait.className || 'a lock that no event names');
    const note = edges.length === 0 ? 'its owner is not known' : undefined;
    return [
      this.#link('W22', `lock ${wait.instance}`, 'lock', name, wait.sinceNs, { note }, () =>
        edges.map((edge) => this.#owner(edge)),
      ),
    ];
  }

  #owner({ toKey, certainty, basis }: LockWaitEdge): StateLink {
    const { tasks, locks } = this.#engine.models;
    const note = certainty === 'inferred' ? `inferred: ${basis}` : undefined;
    const owner = tasks.find(toKey);
    if (owner) return this.#asTask('W23', 'task', owner, note);
    // Known from its locks only: no scheduler event names it.
    const name = tasks.labelOf(Math.max(0, toKey), locks.heldBy(toKey)[0]?.comm ?? 0);
    return this.#link('W23', `task ${toKey}`, 'task', name, null, { tid: Math.max(0, toKey), note }, () =>
      this.#locks(toKey),
    );
  }

  // -- grace periods ---------------------------------------------------------------------------------------------------

  #sync(wait: SyncWait): StateLink[] {
    switch (wait.resource) {
      case 'srcu':
        return [this.#srcu(wait)];
      case 'rcu-tasks':
        return [
          this.#link('W2', `tasks ${wait.api}`, 'tasks-gp', 'RCU Tasks grace period', wait.startNs, {}, () => []),
        ];
      default: {
        const rule = wait.insideSrcuPass ? 'W18' : 'W1';
        const note = wait.resource === 'barrier' ? `in ${wait.api}: callbacks after it` : undefined;
        return [this.#rcu(rule, wait, note)];
      }
    }
  }

  #rcu(rule: string, wait: SyncWait, note: string | undefined): StateLink {
    const { rcu } = this.#engine.models;
    const flavor = rcu.flavors.get(rcu.mainFlavor);
    const gp = wait.resource === 'rcu-expedited' ? flavor?.expedited : flavor?.gp;
    if (gp) return this.#gracePeriod(rule, gp, note);
    if (flavor) {
      return this.#link(
        rule,
        `next gp ${flavor.name}`,
        'rcu-gp',
        `next ${flavor.name} grace period`,
        wait.startNs,
        { note: 'not begun' },
        () => this.#kthread(flavor.name),
      );
    }
    // No rcu events: whoever kept the CPU all the while can be what is waited for (R2.6).
    const name = `${rcu.mainFlavor} grace period`;
    return this.#link(rule, `gp ${rcu.mainFlavor}`, 'rcu-gp', name, wait.startNs, { note: 'not recorded' }, () =>
      this.#quietCpus(wait),
    );
  }

  #gracePeriod(rule: string, gp: GracePeriod, note?: string): StateLink {
    const node = `gp ${gp.flavor} ${gp.expedited} ${gp.startEvent}`;
    return this.#link(rule, node, 'rcu-gp', gracePeriodName(gp), gp.startNs, { note }, () => {
      const owing = gp.holdouts.filter((holdout) => heldUntilNs(holdout) === null);
      if (owing.length === 0) return this.#kthread(gp.flavor);
      return owing.map((holdout) => this.#holdout(holdout));
    });
  }

  #holdout(holdout: Holdout): StateLink {
    const load = loadText(this.#graph.loadSince(holdout));
    if (holdout.kind === 'cpu') {
      const owes = holdout.passedNs === null ? 'owes a quiescent state' : 'has still to report its quiescent state';
      return this.#cpu('W4', holdout.cpu, holdout.fromNs, [owes, load].filter((part) => part).join(', '));
    }
    const task = this.#engine.models.tasks.find(taskKey(holdout.tid, holdout.cpu));
    if (task) return this.#asTask('W5', 'reader', task, 'inside rcu_read_lock');
    return this.#link('W5', holdout.name, 'reader', holdout.name, holdout.fromNs, { tid: holdout.tid }, () => []);
  }

  /** Nobody owes anything: it is the grace-period kthread's turn (W3). */
  #kthread(flavor: string): StateLink[] {
    const { tasks } = this.#engine.models;
    for (const task of tasks.all())
      if (task.tid > 0 && tasks.name(task) === flavor) return [this.#asTask('W3', 'kthread', task, undefined)];
    return [];
  }

  #quietCpus(wait: SyncWait): StateLink[] {
    const { cpu } = this.#engine.models;
    const enough = COVERS * (this.#atNs - wait.startNs);
    return cpu
      .all()
      .filter(
        (state) =>
          state.tid > 0 && state.lastSwitchNs >= 0 && this.#atNs - Math.max(wait.startNs, state.lastSwitchNs) >= enough,
      )
      .filter((state) => this.#atNs - state.lastSwitchNs >= 1e8)
      .map((state) =>
        this.#cpu(
          'W4',
          state.cpu,
          state.lastSwitchNs,
          'inferred: no context switch since, so no quiescent state (R2.6)',
        ),
      );
  }

  #srcu(wait: SyncWait): StateLink {
    const name = `SRCU grace period of ${wait.domain || 'unknown srcu_struct'}`;
    const readers = this.#readersOf(wait);
    const passes = this.#passesOf(wait);
    const queued = this.#queuedFor(wait);
    const nobody = readers.length + passes.length + queued.length === 0;
    const delayed = nobody && this.#workersRecorded();
    const notes = [
      wait.site && `the caller is ${wait.site}`,
      delayed ? 'no pass of process_srcu runs, the next one is delayed (S3.15)' : undefined,
    ];
    const note = notes.filter((part) => part !== undefined).join('; ') || undefined;
    return this.#link('W2', `srcu ${wait.domain || wait.tid}`, 'srcu-gp', name, wait.startNs, { note }, () => {
      if (nobody) return delayed ? [] : this.#unrecordedWorker(wait);
      return [
        ...readers.map((reader) => this.#srcuReader(reader)),
        ...passes.map((pass) => this.#pass(pass, wait)),
        ...queued.map((work) => this.#queuedPass(work)),
      ];
    });
  }

  /** Those that were inside when the wait began: later ones are on the other index (S3.12). */
  #readersOf(wait: SyncWait): SrcuReader[] {
    const readers = this.#engine.models.sync.readers.get(wait.domain);
    return [...(readers?.values() ?? [])].filter((reader) => reader.sinceNs <= wait.startNs);
  }

  /** Executions of process_srcu for the struct. Unclaimed ones may be anybody's (W4.20). */
  #passesOf(wait: SyncWait): WorkExecution[] {
    const passes = [...this.#engine.models.work.live.running.values()].filter((work) => work.fn === 'process_srcu');
    const own = passes.filter((pass) => pass.domain !== undefined && pass.domain === wait.domain);
    return own.length > 0 ? own : passes.filter((pass) => pass.domain === undefined || !wait.domain);
  }

  #queuedFor(wait: SyncWait): QueuedWork[] {
    const { queued, domains } = this.#engine.models.work.live;
    const domain = wait.domain;
    return [...queued.values()].filter((work) => work.fn === 'process_srcu' && domains.get(work.work) === domain);
  }

  #workersRecorded(): boolean {
    return this.#engine.world.dictionary.types.some(
      ({ name }) => name === 'workqueue_execute_start' || name === 'process_srcu',
    );
  }

  #srcuReader(reader: SrcuReader): StateLink {
    const note = `inside srcu_read_lock for ${seconds(this.#atNs - reader.sinceNs)}`;
    return this.#asTask('W19', 'reader', reader.task, note);
  }

  #pass(pass: WorkExecution, wait: SyncWait): StateLink {
    const worker = this.#engine.models.tasks.find(pass.workerTid);
    const whose =
      pass.domain !== undefined && pass.domain === wait.domain
        ? ''
        : ', for which srcu_struct is not recorded';
    const note = `runs process_srcu for ${seconds(this.#atNs - pass.startNs)}${whose}`;
    if (worker) return this.#asTask('W17', 'worker', worker, note);
    const name = `kworker:${pass.workerTid}`;
    return this.#link('W17', name, 'worker', name, pass.startNs, { tid: pass.workerTid, note }, () => []);
  }

  #queuedPass({ work, queuedNs, cpu }: QueuedWork): StateLink {
    const note = 'queued, no worker has taken it';
    return this.#link('W14', `work ${work}`, 'work', 'process_srcu', queuedNs, { cpu, note }, () => [
      this.#cpu('W15', cpu, null, undefined),
    ]);
  }

  /** Workers were not recorded, and an RCU grace period lasts: SRCU-fast waits for it (S3.60, inferred). */
  #unrecordedWorker(wait: SyncWait): StateLink[] {
    const { rcu } = this.#engine.models;
    const gp = rcu.flavors.get(rcu.mainFlavor)?.gp;
    if (!gp) return [];
    if (this.#atNs - Math.max(gp.startNs, wait.startNs) < COVERS * (this.#atNs - wait.startNs)) return [];
    const note = 'not recorded; inferred from the RCU grace period that lasts as long (S3.60)';
    return [
      this.#link('W17', `worker of ${wait.domain}`, 'worker', 'worker in process_srcu', null, { note }, () => [
        this.#gracePeriod('W18', gp),
      ]),
    ];
  }

  // -- CPUs ------------------------------------------------------------------------------------------------------------

  /** A CPU and what takes its time: interrupts above all, else the task on it. */
  #cpu(rule: string, cpu: number, sinceNs: number | null, note: string | undefined): StateLink {
    const state = this.#engine.models.cpu.all().find((candidate) => candidate.cpu === cpu);
    const details = { ...(cpu >= 0 && { cpu }), note };
    return this.#link(rule, `cpu ${cpu}`, 'cpu', cpu < 0 ? 'a CPU' : `CPU ${cpu}`, sinceNs, details, () =>
      state ? this.#takenBy(state) : [],
    );
  }

  #takenBy(state: CpuState): StateLink[] {
    const { load, tasks } = this.#engine.models;
    const links: StateLink[] = [];
    for (const kind of KINDS) {
      const share = load.share(kind, state.cpu, this.#atNs);
      const storm = load.storm(kind, state.cpu);
      if (!storm && share < (kind === 'nmi' ? NMI_SHARE : IRQ_SHARE)) continue;
      const name = `${CONTEXT_NAMES[kind]} on CPU ${state.cpu}`;
      const note = `${percent(share)} of the last ${seconds(this.#engine.world.thresholds.nmiStormWindowNs)}`;
      links.push(this.#link('W7', name, kind, name, storm?.startNs ?? null, { cpu: state.cpu, note }, () => []));
    }
    const runs = state.tid > 0 ? tasks.find(taskKey(state.tid, state.cpu)) : undefined;
    // A task that only runs is a leaf; one that spins on a lock is not.
    if (runs && !this.#path.includes(taskNode(runs))) {
      const since = runs.state === TASK_RUNNING ? runs.onCpuSinceNs : null;
      const details = { tid: runs.tid, note: 'runs on it' };
      links.push(
        this.#link('W8', taskNode(runs), 'task', tasks.label(runs), since, details, () => this.#locks(runs.key)),
      );
    }
    return links;
  }

  #occupant(task: Task): string | undefined {
    const { cpu, tasks } = this.#engine.models;
    const state = cpu.all().find((candidate) => candidate.cpu === task.cpu);
    if (!state || state.tid <= 0) return undefined;
    const runs = tasks.find(taskKey(state.tid, state.cpu));
    return runs && runs !== task ? `${tasks.label(runs)} has it` : undefined;
  }
}

function taskNode(task: Task): string {
  return `task ${task.key}`;
}

/** `NMIs take 93.0 % of it`, for what matters. */
function loadText(load: Load): string {
  return KINDS.filter((kind) => load[kind] >= 0.05)
    .map((kind) => `${CONTEXT_NAMES[kind]} took ${percent(load[kind])} of it since`)
    .join(', ');
}
