/**
 * From a hung task to the root, by what the log says (MODEL W4.20, case C): a closing task waits for an SRCU grace period, which two
 * kworkers in process_srcu drive, which wait for an RCU grace period, which a CPU holds up, whose time goes to NMIs.
 *
 * Times of single links are not in a log: the whole blocked time is booked on the last link.
 */
import type { LogTask } from '../../../../../schema/index.ts';
import { inferred, note } from '../../../core/note.ts';
import { followWaits, Trail } from '../../../core/wait-walk.ts';
import { awaitedPeriod, srcuPeriodName, WAITS_FOR } from '../../../knowledge/waits-for.ts';
import type { LogHung } from '../../../model/log/hung.ts';
import type { LogRecord } from '../../../record/log-record.ts';
import type { JudgedStall } from '../report/stalls.ts';
import { type LogChain, LogChainDraft, type LogStep, type TakenStep } from './draft.ts';
import { LogGracePeriods, nothing } from './grace-period-steps.ts';
import type { LogWaits } from './waits.ts';

/** Owners of owners; longer chains are not read by anybody. */
const MAX_TASKS = 8;

export type { LogChain } from './draft.ts';

/** A task of a closed cycle waits for this lock, which that task holds. */
export interface CycleEdge {
  readonly lock: string;
  readonly owner: LogTask;
}

/** What a blocked task waits for, and what is said of it. */
type Waiting = Pick<LogStep, 'notes' | 'waitsFor'>;

export class LogChains {
  readonly #log: LogRecord;
  readonly #waits: LogWaits;
  readonly #cycles: ReadonlyMap<number, CycleEdge>;
  readonly #gracePeriods: LogGracePeriods;

  /**
   * @param cycles by waiter, the edges of closed cycles
   * @param release of the kernel, when it is known: it decides for how many structs a tracepoint teardown waits (T12)
   */
  constructor(
    log: LogRecord,
    waits: LogWaits,
    stalls: readonly JudgedStall[],
    cycles: ReadonlyMap<number, CycleEdge>,
    release: string | undefined,
  ) {
    this.#log = log;
    this.#waits = waits;
    this.#cycles = cycles;
    this.#gracePeriods = new LogGracePeriods(log, waits, stalls, release, (tid, tsNs, trail) => {
      const next = this.#blocked(tid, tsNs, trail);
      const { resource } = next?.verdict ?? {};
      return next && resource !== undefined && resource !== 'sleep' ? this.#task(next, trail) : undefined;
    });
  }

  of(hung: LogHung): LogChain {
    const trail = new Trail<number>();
    const taken = (step: LogStep, repeats: 'cycle' | 'above' | undefined, behind: TakenStep[]): TakenStep => ({
      step,
      closes: repeats === 'cycle',
      behind,
    });
    const draft = new LogChainDraft(this.#log, followWaits(this.#task(hung, trail), trail, taken));
    const stuck = draft.tasks().find(({ tid }) => this.#cycles.has(tid));
    if (stuck) {
      draft.root = { kind: 'deadlock', task: stuck.comm, tid: stuck.tid };
      draft.note(inferred(`${stuck.comm}:${stuck.tid} is in a deadlock`));
    }
    return draft.finish(Math.max(0, hung.last.tsNs - hung.sinceNs));
  }

  /** The srcu_struct of a wait; of a teardown that waits for two in turn, both names (T12). */
  domainOf(hung: LogHung): string | undefined {
    return this.#gracePeriods.domainOf(hung);
  }

  /** The report of a task that is not on the way, as long as the chain may grow. */
  #blocked(tid: number, tsNs: number, trail: Trail<number>): LogHung | undefined {
    return trail.isOnWay(tid) || trail.depth >= MAX_TASKS ? undefined : this.#waits.hungTask(tid, tsNs);
  }

  #task(hung: LogHung, trail: Trail<number>): LogStep {
    const { verdict, last, tid } = hung;
    const name = `${hung.comm}:${tid}`;
    const text = [verdict.site, verdict.api ? `waits in ${verdict.api}` : ''].filter((part) => part).join(', ');
    return {
      edge: { kind: last.workqueue ? 'worker' : 'task' },
      node: tid,
      name,
      tid,
      note: text || undefined,
      place: last,
      evidence: [{ place: last, role: `${name} is reported as blocked` }],
      ...this.#waiting(hung, trail),
    };
  }

  #waiting(hung: LogHung, trail: Trail<number>): Waiting {
    const { verdict } = hung;
    const cycle = this.#cycles.get(hung.tid);
    if (cycle && verdict.resource !== 'flush' && this.#waits.lockOf(hung)?.owner === undefined)
      return { waitsFor: () => [this.#alongCycle(hung, cycle, trail)] };
    if (verdict.resource === 'flush') return this.#flush(hung, trail);
    const awaited = awaitedPeriod(verdict);
    if (awaited && !(awaited.kind === 'srcu-gp' && verdict.insideSrcuRun))
      return { waitsFor: () => [this.#gracePeriods.of(hung, awaited, trail)] };
    const lock = this.#waits.lockOf(hung);
    return { waitsFor: () => (lock ? [this.#lock(hung, lock, trail)] : []) };
  }

  /** flush_work() and related calls: for the work item of a blocked worker, where there is only one (W24, W4.20). */
  #flush(hung: LogHung, trail: Trail<number>): Waiting {
    const workers = this.#waits.flushed(hung);
    const [worker] = workers;
    const { api } = hung.verdict;
    const names = workers.map((other) => `${other.comm}:${other.tid} (${other.last.workqueue?.fn})`).join(', ');
    const workqueue = worker?.last.workqueue;
    if (workers.length !== 1 || !workqueue)
      return {
        notes: workers.length > 1 ? [`which work item ${api} waits for, the log does not say: ${names}`] : [],
        waitsFor: nothing,
      };
    const work: LogStep = {
      edge: WAITS_FOR.workToEnd,
      name: workqueue.fn,
      note: `on workqueue ${workqueue.name}`,
      waitsFor: () => {
        const { tid, comm } = worker;
        const further = !trail.isOnWay(tid) && trail.depth < MAX_TASKS;
        if (further) return [this.#task(worker, trail)];
        return [{ edge: WAITS_FOR.worker, node: tid, name: `${comm}:${tid}`, tid, waitsFor: nothing }];
      },
    };
    const inferred = `that ${api} waits for ${names} is inferred: no other worker is reported as blocked`;
    return { notes: [note(inferred, 'W4.20')], waitsFor: () => [work] };
  }

  /** To the next task of the cycle that the task is part of. */
  #alongCycle(hung: LogHung, { lock, owner }: CycleEdge, trail: Trail<number>): LogStep {
    const { tid, comm } = owner;
    const srcu = hung.verdict.resource === 'srcu';
    return {
      edge: srcu ? WAITS_FOR.srcuGp : WAITS_FOR.lock,
      name: srcu ? srcuPeriodName(lock) : lock,
      waitsFor: () => {
        const next = trail.isOnWay(tid) ? undefined : this.#waits.hungTask(tid, hung.last.tsNs);
        if (next) return [this.#task(next, trail)];
        const holds = `holds ${lock}`;
        return [{ edge: WAITS_FOR.holder, node: tid, name: `${comm}:${tid}`, tid, note: holds, waitsFor: nothing }];
      },
    };
  }

  #lock(hung: LogHung, lock: NonNullable<ReturnType<LogWaits['lockOf']>>, trail: Trail<number>): LogStep {
    const { name, why, place, owner } = lock;
    return {
      edge: WAITS_FOR.lock,
      name,
      note: why,
      place,
      ...(place && { evidence: [{ place, role: why }] }),
      waitsFor: () => (owner ? [this.#owner(owner, hung.last.tsNs, trail)] : []),
    };
  }

  #owner({ comm, tid }: LogTask, tsNs: number, trail: Trail<number>): LogStep {
    const next = this.#blocked(tid, tsNs, trail);
    const root = { kind: 'lock-holder', task: comm, tid } as const;
    if (next) return { ...this.#task(next, trail), lastResort: root };
    const doing = trail.isOnWay(tid) ? undefined : this.#log.taskDumps.get(tid)?.stack[0];
    const holds = `holds it${doing ? `, in ${doing}` : ''}`;
    return { edge: WAITS_FOR.holder, node: tid, name: `${comm}:${tid}`, tid, note: holds, root, waitsFor: nothing };
  }
}
