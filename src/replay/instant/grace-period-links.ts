/** Grace periods on the way from a waiting task: who holds them up at this instant (W1–W5, W10, W14–W19). */
import { formatDuration, type StateCpu } from '../../../schema/index.ts';
import { percent } from '../core/wording.ts';
import { tasksFlavor } from '../knowledge/rcu-tasks.ts';
import { LONG_DELAY_NS } from '../knowledge/thresholds.ts';
import {
  awaitedPeriod,
  holdoutEdge,
  type RuledEdge,
  srcuPeriodName,
  tasksPeriodName,
  WAITS_FOR,
} from '../knowledge/waits-for.ts';
import { type GracePeriod, gracePeriodName, type Holdout, heldUntilNs } from '../model/rcu/grace-period.ts';
import type { SrcuReader, SyncWait } from '../model/sync/sync-wait.ts';
import { taskKey } from '../model/task/task.ts';
import type { QueuedWork, WorkExecution } from '../model/work/workqueue.ts';
import { INTERRUPT_NAMES, INTERRUPTS, type LiveStep, type LiveWaits, nothing } from './walk-steps.ts';

/** A CPU that has not switched for this share of a wait can be what an unrecorded grace period waits for (R2.6). */
const COVERS = 0.5;

export class GracePeriodLinks {
  readonly #waits: LiveWaits;

  constructor(waits: LiveWaits) {
    this.#waits = waits;
  }

  /** What a synchronize_*() call waits for. */
  of(wait: SyncWait): LiveStep[] {
    const edge = awaitedPeriod(wait) ?? WAITS_FOR.rcuGp;
    switch (edge.kind) {
      case 'srcu-gp':
        return [this.#srcu(wait)];
      case 'tasks-gp': {
        const { kthread } = tasksFlavor(wait.api);
        return [
          {
            edge,
            node: `tasks ${wait.api}`,
            name: tasksPeriodName(wait.api),
            sinceNs: wait.startNs,
            waitsFor: () => this.#kthread(kthread),
          },
        ];
      }
      default: {
        const note = wait.resource === 'barrier' ? `in ${wait.api}: callbacks after it` : undefined;
        return [this.#rcu(edge, wait, note)];
      }
    }
  }

  #rcu(edge: RuledEdge, wait: SyncWait, note: string | undefined): LiveStep {
    const { rcu } = this.#waits.run.models;
    const flavor = rcu.flavors.get(rcu.mainFlavor);
    const gp = wait.resource === 'rcu-expedited' ? flavor?.expedited : flavor?.gp;
    if (gp) return this.#gracePeriod(edge, gp, note);
    const sinceNs = wait.startNs;
    if (flavor) {
      const name = `next ${flavor.name} grace period`;
      const waitsFor = (): LiveStep[] => this.#kthread(flavor.name);
      return { edge, node: `next gp ${flavor.name}`, name, sinceNs, note: 'not begun', waitsFor };
    }
    // No rcu events: a task that kept the CPU all the time can be what is waited for (R2.6).
    const name = `${rcu.mainFlavor} grace period`;
    const waitsFor = (): LiveStep[] => this.#quietCpus(wait);
    return { edge, node: `gp ${rcu.mainFlavor}`, name, sinceNs, note: 'not recorded', waitsFor };
  }

  #gracePeriod(edge: RuledEdge, gp: GracePeriod, note?: string): LiveStep {
    const node = `gp ${gp.flavor} ${gp.expedited} ${gp.startEvent}`;
    const waitsFor = (): LiveStep[] => {
      const pending = gp.holdouts.filter((holdout) => heldUntilNs(holdout) === null);
      if (pending.length === 0) return this.#kthread(gp.flavor);
      return pending.map((holdout) => this.#holdout(holdout));
    };
    return { edge, node, name: gracePeriodName(gp), sinceNs: gp.startNs, note, waitsFor };
  }

  #holdout(holdout: Holdout): LiveStep {
    const edge = holdoutEdge(holdout.kind);
    const load = loadText(this.#waits.graph.loadSince(holdout));
    if (holdout.kind === 'cpu') {
      const report = holdout.passedNs === null ? 'quiescent state pending' : 'quiescent state not yet reported';
      return this.#waits.cpu(edge, holdout.cpu, holdout.fromNs, [report, load].filter((part) => part).join(', '));
    }
    const task = this.#waits.run.models.tasks.find(taskKey(holdout.tid, holdout.cpu));
    if (task) return this.#waits.asTask(edge, task, 'inside rcu_read_lock');
    const { name, fromNs, tid } = holdout;
    return { edge, node: name, name, sinceNs: fromNs, tid, waitsFor: nothing };
  }

  /** No holdout is left: the grace-period kthread has to go on (W3). */
  #kthread(flavor: string): LiveStep[] {
    const { tasks } = this.#waits.run.models;
    for (const task of tasks.all())
      if (task.tid > 0 && tasks.name(task) === flavor)
        return [this.#waits.asTask(WAITS_FOR.gpKthread, task, undefined)];
    return [];
  }

  #quietCpus(wait: SyncWait): LiveStep[] {
    const { cpu } = this.#waits.run.models;
    const enough = COVERS * (this.#waits.atNs - wait.startNs);
    return cpu
      .all()
      .filter(
        (state) =>
          state.tid > 0 &&
          state.lastSwitchNs >= 0 &&
          this.#waits.atNs - Math.max(wait.startNs, state.lastSwitchNs) >= enough,
      )
      .filter((state) => this.#waits.atNs - state.lastSwitchNs >= LONG_DELAY_NS)
      .map((state) =>
        this.#waits.cpu(
          holdoutEdge('cpu'),
          state.cpu,
          state.lastSwitchNs,
          'inferred: no context switch since, so no quiescent state',
        ),
      );
  }

  #srcu(wait: SyncWait): LiveStep {
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
    const waitsFor = (): LiveStep[] => {
      if (nobody) return delayed ? [] : this.#unrecordedWorker(wait);
      return [
        ...readers.map((reader) => this.#srcuReader(reader)),
        ...runs.map((run) => this.#run(run, wait)),
        ...queued.map((work) => this.#queuedRun(work)),
      ];
    };
    return {
      edge: WAITS_FOR.srcuGp,
      node: `srcu ${wait.domain || wait.tid}`,
      name: srcuPeriodName(wait.domain),
      sinceNs: wait.startNs,
      note,
      waitsFor,
    };
  }

  /** Those that were inside when the wait began: later ones are on the other index (S3.12). */
  #readersOf(wait: SyncWait): SrcuReader[] {
    const readers = this.#waits.run.models.sync.readers.get(wait.domain);
    return [...(readers?.values() ?? [])].filter((reader) => reader.sinceNs <= wait.startNs);
  }

  /** Executions of process_srcu for the struct. Unclaimed ones may be anybody's (W4.20). */
  #runsOf(wait: SyncWait): WorkExecution[] {
    const runs = [...this.#waits.run.models.work.live.running.values()].filter((work) => work.fn === 'process_srcu');
    const own = runs.filter((run) => run.domain !== undefined && run.domain === wait.domain);
    return own.length > 0 ? own : runs.filter((run) => run.domain === undefined || !wait.domain);
  }

  #queuedFor(wait: SyncWait): QueuedWork[] {
    const { queued, domains } = this.#waits.run.models.work.live;
    const domain = wait.domain;
    return [...queued.values()].filter((work) => work.fn === 'process_srcu' && domains.get(work.work) === domain);
  }

  #workersRecorded(): boolean {
    return this.#waits.run.world.dictionary.types.some(
      ({ name }) => name === 'workqueue_execute_start' || name === 'process_srcu',
    );
  }

  #srcuReader(reader: SrcuReader): LiveStep {
    const note = `inside srcu_read_lock for ${formatDuration(this.#waits.atNs - reader.sinceNs)}`;
    return this.#waits.asTask(WAITS_FOR.srcuReader, reader.task, note);
  }

  #run(run: WorkExecution, wait: SyncWait): LiveStep {
    const worker = this.#waits.run.models.tasks.find(run.workerTid);
    const whose =
      run.domain !== undefined && run.domain === wait.domain ? '' : ', for which srcu_struct is not recorded';
    const note = `runs process_srcu for ${formatDuration(this.#waits.atNs - run.startNs)}${whose}`;
    if (worker) return this.#waits.asTask(WAITS_FOR.worker, worker, note);
    const name = `kworker:${run.workerTid}`;
    const { startNs, workerTid } = run;
    return { edge: WAITS_FOR.worker, node: name, name, sinceNs: startNs, tid: workerTid, note, waitsFor: nothing };
  }

  #queuedRun({ work, queuedNs, cpu }: QueuedWork): LiveStep {
    const note = 'queued, no worker has taken it';
    // Workers of an unbound pool run anywhere.
    return {
      edge: WAITS_FOR.queue,
      node: `work ${work}`,
      name: 'process_srcu',
      sinceNs: queuedNs,
      ...(cpu >= 0 && { cpu }),
      note,
      waitsFor: () => (cpu >= 0 ? [this.#waits.cpu(WAITS_FOR.poolCpu, cpu, null, undefined)] : []),
    };
  }

  /** Workers were not recorded, and an RCU grace period lasts: SRCU-fast waits for it (S3.60, inferred). */
  #unrecordedWorker(wait: SyncWait): LiveStep[] {
    const { rcu } = this.#waits.run.models;
    const gp = rcu.flavors.get(rcu.mainFlavor)?.gp;
    if (!gp) return [];
    if (this.#waits.atNs - Math.max(gp.startNs, wait.startNs) < COVERS * (this.#waits.atNs - wait.startNs)) return [];
    const note = 'not recorded; inferred from the RCU grace period that lasts as long';
    return [
      {
        edge: WAITS_FOR.worker,
        node: `worker of ${wait.domain}`,
        name: 'worker in process_srcu',
        sinceNs: null,
        note,
        waitsFor: () => [this.#gracePeriod(WAITS_FOR.rcuGpOfSrcu, gp)],
      },
    ];
  }
}

/** `NMIs took 93.0 % of it since`, for what matters. */
function loadText(load: StateCpu['load']): string {
  return INTERRUPTS.filter((kind) => load[kind] >= 0.05)
    .map((kind) => `${INTERRUPT_NAMES[kind]} took ${percent(load[kind])} of it since`)
    .join(', ');
}
