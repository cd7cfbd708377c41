/** Which srcu_struct a wait or a run of process_srcu is for, from whatever names one of the two (S3.2, S3.16, T12). */
import type { StackVerdict } from '../../knowledge/stack/stack-verdict.ts';
import { isEither, isOfWork, isUnnamed, type SrcuIdentity } from '../srcu/identity.ts';
import type { Task } from '../task/task.ts';
import type { WorkqueueModel } from '../work/workqueue.ts';
import type { OpenWaits } from './open-waits.ts';
import type { SyncWait } from './sync-wait-record.ts';
import type { TracepointSyncOrder } from './tracepoint-sync-order.ts';

export class SyncNames {
  readonly #identity: SrcuIdentity;
  readonly #work: WorkqueueModel;
  readonly #teardowns: TracepointSyncOrder;
  readonly #open: OpenWaits;

  constructor(identity: SrcuIdentity, work: WorkqueueModel, teardowns: TracepointSyncOrder, open: OpenWaits) {
    this.#identity = identity;
    this.#work = work;
    this.#teardowns = teardowns;
    this.#open = open;
  }

  /** A probe in process_srcu() shows the struct. */
  nameWork(workerTid: number, ssp: string, event: number): void {
    this.#work.nameDomain(workerTid, this.#identity.resolve(ssp), event);
  }

  /** A task takes `<name>_srcu_usage.lock`: inside a run or a synchronize_srcu() it is the one of that struct (S3.2). */
  tookUpdateLock(task: Task, domain: string, event: number): void {
    const work = this.#work.executing(task.tid);
    if (work?.fn === 'process_srcu' || work?.fn === 'srcu_invoke_callbacks') {
      if (work.domain === undefined) this.#work.nameDomain(task.tid, domain, event);
      else if (isUnnamed(work.domain)) this.#identity.link(work.domain, domain);
    }
    const wait = this.#open.innermost(task);
    if (wait?.resource === 'srcu') this.#nameWait(wait, domain);
  }

  #nameWait(wait: SyncWait, name: string): void {
    if (!wait.domain) wait.domain = this.#identity.resolve(name);
    else if (isUnnamed(wait.domain)) this.#identity.link(wait.domain, name);
  }

  /** The first stack of a sleep in the call: who called, and of a tracepoint teardown the struct. */
  describe(wait: SyncWait, { stack, stackEvent }: Task, verdict: StackVerdict): void {
    if (wait.stack) return;
    wait.stack = stack;
    wait.stackEvent = stackEvent;
    wait.site = verdict.site;
    if (wait.resource !== 'srcu' || !verdict.srcuDomain) return;
    const { name, certain } = this.#teardowns.nameOf(wait, verdict);
    if (certain) this.#nameWait(wait, name);
    else if (!wait.domain) wait.domain = name;
  }

  /** A caller of synchronize_srcu() is woken by the callbacks of its struct (S3.16, O12): what names one names the other. */
  nameByCallbacks(wait: SyncWait, { wakerTid, wakingNs }: Task): void {
    const run = wakerTid > 0 && wakingNs >= wait.startNs ? this.#work.executing(wakerTid) : undefined;
    if (run?.fn !== 'srcu_invoke_callbacks' || !run.domain) return;
    const certain = wait.domain !== '' && !isEither(wait.domain);
    if (!isOfWork(run.domain)) {
      if (!certain) wait.domain = run.domain;
    } else if (certain) wait.domain = this.#identity.nameWork(run.domain, wait.domain);
    else if (wait.domain === '') wait.domain = run.domain;
  }

  renamed(from: string, to: string): void {
    for (const list of [this.#open.waits, this.#open.long])
      for (const wait of list) if (wait.domain === from) wait.domain = to;
  }
}
