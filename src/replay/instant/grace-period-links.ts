/** Grace periods on the way from a waiting task: who holds them up at this instant (W1–W5, W10, W14–W19). */
import { formatDuration, type StateCpu, type StateLink } from '../../../schema/index.ts';
import { percent } from '../core/wording.ts';
import { tasksFlavor } from '../knowledge/rcu-tasks.ts';
import { LONG_DELAY_NS } from '../knowledge/thresholds.ts';
import { type GracePeriod, gracePeriodName, type Holdout, heldUntilNs } from '../model/rcu/grace-period.ts';
import type { SrcuReader, SyncWait } from '../model/sync/sync-wait.ts';
import { taskKey } from '../model/task/task.ts';
import type { QueuedWork, WorkExecution } from '../model/work/workqueue.ts';
import { INTERRUPT_NAMES, INTERRUPTS, type WalkSteps } from './walk-steps.ts';

/** A CPU that has not switched for this share of a wait can be what an unrecorded grace period waits for (R2.6). */
const COVERS = 0.5;

export class GracePeriodLinks {
  readonly #walk: WalkSteps;

  constructor(walk: WalkSteps) {
    this.#walk = walk;
  }

  /** What a synchronize_*() call waits for. */
  of(wait: SyncWait): StateLink[] {
    switch (wait.resource) {
      case 'srcu':
        return [this.#srcu(wait)];
      case 'rcu-tasks':
        return [
          this.#walk.link(
            'W2',
            `tasks ${wait.api}`,
            'tasks-gp',
            `${tasksFlavor(wait.api).name} grace period`,
            wait.startNs,
            {},
            () => this.#kthread(tasksFlavor(wait.api).kthread),
          ),
        ];
      default: {
        const rule = wait.insideSrcuRun ? 'W18' : 'W1';
        const note = wait.resource === 'barrier' ? `in ${wait.api}: callbacks after it` : undefined;
        return [this.#rcu(rule, wait, note)];
      }
    }
  }

  #rcu(rule: string, wait: SyncWait, note: string | undefined): StateLink {
    const { rcu } = this.#walk.run.models;
    const flavor = rcu.flavors.get(rcu.mainFlavor);
    const gp = wait.resource === 'rcu-expedited' ? flavor?.expedited : flavor?.gp;
    if (gp) return this.#gracePeriod(rule, gp, note);
    if (flavor) {
      return this.#walk.link(
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
    return this.#walk.link(rule, `gp ${rcu.mainFlavor}`, 'rcu-gp', name, wait.startNs, { note: 'not recorded' }, () =>
      this.#quietCpus(wait),
    );
  }

  #gracePeriod(rule: string, gp: GracePeriod, note?: string): StateLink {
    const node = `gp ${gp.flavor} ${gp.expedited} ${gp.startEvent}`;
    return this.#walk.link(rule, node, 'rcu-gp', gracePeriodName(gp), gp.startNs, { note }, () => {
      const pending = gp.holdouts.filter((holdout) => heldUntilNs(holdout) === null);
      if (pending.length === 0) return this.#kthread(gp.flavor);
      return pending.map((holdout) => this.#holdout(holdout));
    });
  }

  #holdout(holdout: Holdout): StateLink {
    const load = loadText(this.#walk.graph.loadSince(holdout));
    if (holdout.kind === 'cpu') {
      const report = holdout.passedNs === null ? 'quiescent state pending' : 'quiescent state not yet reported';
      return this.#walk.cpu('W4', holdout.cpu, holdout.fromNs, [report, load].filter((part) => part).join(', '));
    }
    const task = this.#walk.run.models.tasks.find(taskKey(holdout.tid, holdout.cpu));
    if (task) return this.#walk.asTask('W5', 'reader', task, 'inside rcu_read_lock');
    return this.#walk.link('W5', holdout.name, 'reader', holdout.name, holdout.fromNs, { tid: holdout.tid }, () => []);
  }

  /** No holdout is left: the grace-period kthread has to go on (W3). */
  #kthread(flavor: string): StateLink[] {
    const { tasks } = this.#walk.run.models;
    for (const task of tasks.all())
      if (task.tid > 0 && tasks.name(task) === flavor) return [this.#walk.asTask('W3', 'kthread', task, undefined)];
    return [];
  }

  #quietCpus(wait: SyncWait): StateLink[] {
    const { cpu } = this.#walk.run.models;
    const enough = COVERS * (this.#walk.atNs - wait.startNs);
    return cpu
      .all()
      .filter(
        (state) =>
          state.tid > 0 &&
          state.lastSwitchNs >= 0 &&
          this.#walk.atNs - Math.max(wait.startNs, state.lastSwitchNs) >= enough,
      )
      .filter((state) => this.#walk.atNs - state.lastSwitchNs >= LONG_DELAY_NS)
      .map((state) =>
        this.#walk.cpu('W4', state.cpu, state.lastSwitchNs, 'inferred: no context switch since, so no quiescent state'),
      );
  }

  #srcu(wait: SyncWait): StateLink {
    const name = `SRCU grace period of ${wait.domain || 'unknown srcu_struct'}`;
    const readers = this.#readersOf(wait);
    const runs = this.#runsOf(wait);
    const queued = this.#queuedFor(wait);
    const nobody = readers.length + runs.length + queued.length === 0;
    const delayed = nobody && this.#workersRecorded();
    const notes = [
      wait.site && `the caller is ${wait.site}`,
      delayed ? 'process_srcu is not running; its next run is delayed' : undefined,
    ];
    const note = notes.filter((part) => part !== undefined).join('; ') || undefined;
    return this.#walk.link('W2', `srcu ${wait.domain || wait.tid}`, 'srcu-gp', name, wait.startNs, { note }, () => {
      if (nobody) return delayed ? [] : this.#unrecordedWorker(wait);
      return [
        ...readers.map((reader) => this.#srcuReader(reader)),
        ...runs.map((run) => this.#run(run, wait)),
        ...queued.map((work) => this.#queuedRun(work)),
      ];
    });
  }

  /** Those that were inside when the wait began: later ones are on the other index (S3.12). */
  #readersOf(wait: SyncWait): SrcuReader[] {
    const readers = this.#walk.run.models.sync.readers.get(wait.domain);
    return [...(readers?.values() ?? [])].filter((reader) => reader.sinceNs <= wait.startNs);
  }

  /** Executions of process_srcu for the struct. Unclaimed ones may be anybody's (W4.20). */
  #runsOf(wait: SyncWait): WorkExecution[] {
    const runs = [...this.#walk.run.models.work.live.running.values()].filter((work) => work.fn === 'process_srcu');
    const own = runs.filter((run) => run.domain !== undefined && run.domain === wait.domain);
    return own.length > 0 ? own : runs.filter((run) => run.domain === undefined || !wait.domain);
  }

  #queuedFor(wait: SyncWait): QueuedWork[] {
    const { queued, domains } = this.#walk.run.models.work.live;
    const domain = wait.domain;
    return [...queued.values()].filter((work) => work.fn === 'process_srcu' && domains.get(work.work) === domain);
  }

  #workersRecorded(): boolean {
    return this.#walk.run.world.dictionary.types.some(
      ({ name }) => name === 'workqueue_execute_start' || name === 'process_srcu',
    );
  }

  #srcuReader(reader: SrcuReader): StateLink {
    const note = `inside srcu_read_lock for ${formatDuration(this.#walk.atNs - reader.sinceNs)}`;
    return this.#walk.asTask('W19', 'reader', reader.task, note);
  }

  #run(run: WorkExecution, wait: SyncWait): StateLink {
    const worker = this.#walk.run.models.tasks.find(run.workerTid);
    const whose =
      run.domain !== undefined && run.domain === wait.domain ? '' : ', for which srcu_struct is not recorded';
    const note = `runs process_srcu for ${formatDuration(this.#walk.atNs - run.startNs)}${whose}`;
    if (worker) return this.#walk.asTask('W17', 'worker', worker, note);
    const name = `kworker:${run.workerTid}`;
    return this.#walk.link('W17', name, 'worker', name, run.startNs, { tid: run.workerTid, note }, () => []);
  }

  #queuedRun({ work, queuedNs, cpu }: QueuedWork): StateLink {
    const note = 'queued, no worker has taken it';
    // Workers of an unbound pool run anywhere.
    const where = cpu >= 0 ? { cpu, note } : { note };
    return this.#walk.link('W14', `work ${work}`, 'work', 'process_srcu', queuedNs, where, () =>
      cpu >= 0 ? [this.#walk.cpu('W15', cpu, null, undefined)] : [],
    );
  }

  /** Workers were not recorded, and an RCU grace period lasts: SRCU-fast waits for it (S3.60, inferred). */
  #unrecordedWorker(wait: SyncWait): StateLink[] {
    const { rcu } = this.#walk.run.models;
    const gp = rcu.flavors.get(rcu.mainFlavor)?.gp;
    if (!gp) return [];
    if (this.#walk.atNs - Math.max(gp.startNs, wait.startNs) < COVERS * (this.#walk.atNs - wait.startNs)) return [];
    const note = 'not recorded; inferred from the RCU grace period that lasts as long';
    return [
      this.#walk.link('W17', `worker of ${wait.domain}`, 'worker', 'worker in process_srcu', null, { note }, () => [
        this.#gracePeriod('W18', gp),
      ]),
    ];
  }
}

/** `NMIs took 93.0 % of it since`, for what matters. */
function loadText(load: StateCpu['load']): string {
  return INTERRUPTS.filter((kind) => load[kind] >= 0.05)
    .map((kind) => `${INTERRUPT_NAMES[kind]} took ${percent(load[kind])} of it since`)
    .join(', ');
}
