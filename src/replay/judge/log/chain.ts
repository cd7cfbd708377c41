/**
 * From a hung task to the root, by what the log says (MODEL W4.20, case C): a closing task waits for an SRCU grace period, which two
 * kworkers in process_srcu drive, which wait for an RCU grace period, which a CPU holds up, whose time goes to NMIs.
 *
 * Times of single links are not in a log: the whole blocked time is booked on the last link.
 */
import type { LogTask, Root } from '../../../../schema/index.ts';
import { note } from '../../core/note.ts';
import { ONE_TROUBLE_NS } from '../../knowledge/thresholds.ts';
import { teardownStructs, tracepointTeardown } from '../../knowledge/tracepoint-teardown.ts';
import type { LogHung } from '../../model/log/hung.ts';
import { type LogRecord, loggedName } from '../../record/log-record.ts';
import { nmiTrouble } from './cause.ts';
import { type LogChain, LogChainDraft } from './chain-draft.ts';
import type { JudgedStall } from './stalls.ts';
import type { LogWaits } from './waits.ts';

/** Owners of owners; longer chains are not read by anybody. */
const MAX_TASKS = 8;

export type { LogChain } from './chain-draft.ts';

/** A task of a closed cycle waits for this lock, which that task holds. */
export interface CycleEdge {
  readonly lock: string;
  readonly owner: LogTask;
}

export class LogChains {
  readonly #log: LogRecord;
  readonly #waits: LogWaits;
  readonly #stalls: readonly JudgedStall[];
  readonly #cycles: ReadonlyMap<number, CycleEdge>;
  /** A tracepoint teardown waits for one srcu_struct only. */
  /** Structs that a tracepoint teardown of this release waits for; undefined while the release is not known. */
  readonly #teardownStructs: readonly string[] | undefined;

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
    this.#teardownStructs = tracepointTeardown(release) && teardownStructs(release);
    this.#log = log;
    this.#waits = waits;
    this.#stalls = stalls;
    this.#cycles = cycles;
  }

  of(hung: LogHung): LogChain {
    const draft = new LogChainDraft(this.#log);
    this.#task(draft, hung, new Set());
    const stuck = draft.tasks().find(({ tid }) => this.#cycles.has(tid));
    if (stuck) {
      draft.root = { kind: 'deadlock', task: stuck.comm, tid: stuck.tid };
      draft.note(`${stuck.comm}:${stuck.tid} is in a deadlock`);
    }
    return draft.finish(Math.max(0, hung.last.tsNs - hung.sinceNs));
  }

  #task(draft: LogChainDraft, hung: LogHung, seen: Set<number>): void {
    const { verdict, last } = hung;
    seen.add(hung.tid);
    const note = [verdict.site, verdict.api ? `waits in ${verdict.api}` : ''].filter((text) => text).join(', ');
    draft.link(last.workqueue ? 'worker' : 'task', `${hung.comm}:${hung.tid}`, {
      tid: hung.tid,
      place: last,
      ...(note && { note }),
    });
    draft.cite(last, `${hung.comm}:${hung.tid} is reported as blocked`);
    const edge = this.#cycles.get(hung.tid);
    if (edge && verdict.resource !== 'flush' && this.#waits.lockOf(hung)?.owner === undefined) {
      this.#alongCycle(draft, hung, edge, seen);
      return;
    }
    switch (verdict.resource) {
      case 'srcu':
        if (verdict.insideSrcuRun) break;
        this.#srcu(draft, hung, seen);
        return;
      case 'rcu':
      case 'rcu-expedited':
      case 'barrier':
        this.#gracePeriod(draft, hung);
        return;
      case 'rcu-tasks':
        draft.link('tasks-gp', 'RCU Tasks grace period', { rule: 'W2' });
        draft.root = this.#tasksRoot(hung) ?? { kind: 'unknown' };
        return;
      case 'flush':
        this.#flush(draft, hung, seen);
        return;
      default:
    }
    const lock = this.#waits.lockOf(hung);
    if (lock) this.#lock(draft, hung, lock, seen);
  }

  /** flush_work() and related calls: for the work item of a blocked worker, where there is only one (W24, W4.20). */
  #flush(draft: LogChainDraft, hung: LogHung, seen: Set<number>): void {
    const workers = this.#waits.flushed(hung);
    const [worker] = workers;
    const names = workers.map((other) => `${other.comm}:${other.tid} (${other.last.workqueue?.fn})`).join(', ');
    if (workers.length !== 1 || !worker.last.workqueue) {
      if (workers.length > 1)
        draft.note(`which work item ${hung.verdict.api} waits for, the log does not say: ${names}`);
      return;
    }
    draft.note(
      note(`that ${hung.verdict.api} waits for ${names} is inferred: no other worker is reported as blocked`, 'W4.20'),
    );
    draft.link('work', worker.last.workqueue.fn, { rule: 'W24', note: `on workqueue ${worker.last.workqueue.name}` });
    if (seen.has(worker.tid) || seen.size >= MAX_TASKS) {
      const name = `${worker.comm}:${worker.tid}`;
      draft.link('worker', name, { tid: worker.tid, rule: 'W17', closes: seen.has(worker.tid) });
      if (seen.has(worker.tid)) draft.root = { kind: 'deadlock', task: worker.comm, tid: worker.tid };
      return;
    }
    this.#task(draft, worker, seen);
  }

  /** To the next task of the cycle that the task is part of. */
  #alongCycle(draft: LogChainDraft, hung: LogHung, edge: CycleEdge, seen: Set<number>): void {
    const { lock, owner } = edge;
    if (hung.verdict.resource === 'srcu') draft.link('srcu-gp', `SRCU grace period of ${lock}`, { rule: 'W2' });
    else draft.link('lock', lock, { rule: 'W22' });
    const next = seen.has(owner.tid) ? undefined : this.#waits.hungTask(owner.tid, hung.last.tsNs);
    if (next) {
      this.#task(draft, next, seen);
      return;
    }
    const note = `holds ${lock}`;
    draft.link('task', `${owner.comm}:${owner.tid}`, {
      tid: owner.tid,
      note,
      rule: 'W23',
      closes: seen.has(owner.tid),
    });
  }

  #lock(
    draft: LogChainDraft,
    hung: LogHung,
    lock: NonNullable<ReturnType<LogWaits['lockOf']>>,
    seen: Set<number>,
  ): void {
    draft.link('lock', lock.name, { note: lock.why, rule: 'W22', ...(lock.place && { place: lock.place }) });
    if (lock.place) draft.cite(lock.place, lock.why);
    const { owner } = lock;
    if (!owner) return;
    if (seen.has(owner.tid)) {
      draft.link('task', `${owner.comm}:${owner.tid}`, { tid: owner.tid, note: 'holds it', rule: 'W23', closes: true });
      draft.root = { kind: 'deadlock', task: owner.comm, tid: owner.tid };
      return;
    }
    const next = seen.size < MAX_TASKS ? this.#waits.hungTask(owner.tid, hung.last.tsNs) : undefined;
    if (next) {
      this.#task(draft, next, seen);
      if (draft.root.kind === 'unknown') draft.root = { kind: 'lock-holder', task: owner.comm, tid: owner.tid };
      return;
    }
    const dump = this.#log.taskDumps.get(owner.tid);
    draft.link('task', `${owner.comm}:${owner.tid}`, {
      tid: owner.tid,
      note: `holds it${dump?.stack[0] ? `, in ${dump.stack[0]}` : ''}`,
      rule: 'W23',
    });
    draft.root = { kind: 'lock-holder', task: owner.comm, tid: owner.tid };
  }

  /** The srcu_struct of a wait; of a teardown that waits for two in turn, both names (T12). */
  domainOf({ verdict }: LogHung): string | undefined {
    return verdict.teardown && this.#teardownStructs ? this.#teardownStructs.join(' or ') : verdict.srcuDomain;
  }

  /** Workers in process_srcu are the executors; which struct each drives is not printed (W4.20, T11, T12). */
  #srcu(draft: LogChainDraft, hung: LogHung, seen: Set<number>): void {
    const domain = this.domainOf(hung);
    const period = draft.link('srcu-gp', domain ? `SRCU grace period of ${domain}` : 'SRCU grace period', {
      rule: 'W2',
    });
    if (hung.verdict.teardown && this.#teardownStructs?.length !== 1)
      draft.note(
        note(
          'from 7.0 on the same frames also wait for the Tasks Trace struct first: which of the two, the stack does not tell',
          'T12',
        ),
      );
    const workers = this.#log.hung.filter(
      (other) => other.verdict.insideSrcuRun && overlaps(other, hung) && !other.last.cannotDie,
    );
    if (workers.length > 0) {
      for (const worker of workers) {
        const note = `process_srcu, waits in ${worker.verdict.api || 'a sleep'}${workers.length > 1 ? `; 1 of ${workers.length} candidates` : ''}`;
        const shown = { tid: worker.tid, note, rule: 'W17', place: worker.last };
        const name = `${worker.comm}:${worker.tid}`;
        if (worker === workers[0]) draft.link('worker', name, shown);
        else draft.branch(period, 'worker', name, shown);
        draft.cite(worker.last, `${worker.comm}:${worker.tid} drives an SRCU grace period and is blocked itself`);
      }
      if (workers.length > 1)
        draft.note(
          note(
            `${workers.length} workers in process_srcu are ${workers.length} SRCU structs, for a work item runs once at a time; which is this task's, the log does not say`,
            'T11',
          ),
        );
      this.#gracePeriod(draft, workers[0]);
      return;
    }
    this.#srcuReaders(draft, hung, seen, domain);
  }

  /** No worker is stuck: the grace period waits for readers of its struct, as far as lists of held locks show any (W19). */
  #srcuReaders(draft: LogChainDraft, hung: LogHung, seen: Set<number>, domain: string | undefined): void {
    const readers = this.#waits.srcuReaders(domain).filter((reader) => reader.task.tid !== hung.tid);
    if (readers.length === 0) return;
    draft.root = { kind: 'srcu-reader' };
    const [reader] = readers;
    if (readers.length === 1) {
      const { task, domain: name, place } = reader;
      const note = `in a read-side section of ${name}`;
      draft.link('reader', `${task.comm}:${task.tid}`, { tid: task.tid, note, rule: 'W19', place });
      draft.cite(place, `${task.comm}:${task.tid} is inside a read-side section of ${name}`);
      draft.root = { kind: 'srcu-reader', task: task.comm, tid: task.tid };
      const next = seen.has(task.tid) ? undefined : this.#waits.hungTask(task.tid, hung.last.tsNs);
      if (next?.verdict.resource !== undefined && next.verdict.resource !== 'sleep' && seen.size < MAX_TASKS)
        this.#task(draft, next, seen);
      return;
    }
    draft.note(
      `readers that could hold it up: ${readers.map(({ task, domain: name }) => `${task.comm}:${task.tid} (${name})`).join(', ')}; the stack does not name the struct`,
    );
    const ends = readers.map(({ task }) => this.#lastReader(task, hung.last.tsNs, new Set([hung.tid])));
    const end = ends[0];
    if (!end || ends.some((other) => other?.tid !== end.tid)) return;
    draft.link('reader', `${end.comm}:${end.tid}`, {
      tid: end.tid,
      note: 'every candidate waits for it in the end',
      rule: 'W19',
    });
    draft.root = { kind: 'srcu-reader', task: end.comm, tid: end.tid };
  }

  /** The reader for which a reader waits in the end; itself when it waits for none. */
  #lastReader(task: LogTask, tsNs: number, seen: Set<number>): LogTask | undefined {
    if (seen.has(task.tid) || seen.size >= MAX_TASKS) return undefined;
    seen.add(task.tid);
    const hung = this.#waits.hungTask(task.tid, tsNs);
    if (hung?.verdict.resource !== 'srcu') return task;
    const others = this.#waits
      .srcuReaders(hung.verdict.srcuDomain)
      .filter((reader) => reader.task.tid !== task.tid && !seen.has(reader.task.tid));
    return others.length === 1 ? this.#lastReader(others[0].task, tsNs, seen) : undefined;
  }

  #gracePeriod(draft: LogChainDraft, hung: LogHung): void {
    const expedited = hung.verdict.resource === 'rcu-expedited';
    const stall = this.#stallOf(hung, expedited);
    const rule = hung.verdict.insideSrcuRun ? 'W18' : 'W1';
    if (!stall) {
      draft.link('rcu-gp', expedited ? 'expedited RCU grace period' : 'RCU grace period', { rule });
      draft.note('no stall report covers this wait: who holds the grace period up is not in the log');
      return;
    }
    const { gpSeq, flavor } = stall.stall;
    const place = stall.stall.first;
    const period = draft.link('rcu-gp', `${flavor} grace period${gpSeq === null ? '' : ` ${gpSeq}`}`, { rule, place });
    draft.cite(stall.stall.first, 'the kernel warns that the grace period stalls');
    const { cause } = stall;
    const pending = [
      ...[...stall.stall.cpus.keys()].map((cpu) => ({
        kind: 'cpu' as const,
        name: `CPU ${cpu}`,
        isCause: cpu === cause.cpu,
        details: { cpu, note: 'quiescent state pending', rule: 'W4', place },
      })),
      ...[...stall.stall.tasks.keys()].map((tid) => ({
        kind: 'reader' as const,
        name: `${loggedName(this.#log, tid)}:${tid}`,
        isCause: tid === cause.tid,
        details: { tid, note: 'blocks the grace period', rule: 'W5', place },
      })),
    ].sort((one, other) => Number(other.isCause) - Number(one.isCause));
    for (const { kind, name, details } of pending)
      if (details === pending[0].details) draft.link(kind, name, details);
      else draft.branch(period, kind, name, details);
    draft.root = {
      kind: cause.cause,
      ...(cause.cpu !== undefined && { cpu: cause.cpu }),
      ...(cause.tid !== undefined && { task: loggedName(this.#log, cause.tid), tid: cause.tid }),
    };
    draft.note(cause.why);
    const where = { ...(cause.cpu !== undefined && { cpu: cause.cpu }), rule: 'W7' };
    if (cause.cause === 'nmi-storm')
      draft.link('nmi', nmiTrouble(this.#log, stall.startNs, stall.endNs)?.name ?? 'NMI', where);
    else if (cause.cause === 'irq-storm') draft.link('hardirq', 'hard interrupts', where);
    else if (cause.cause === 'softirq-storm') draft.link('softirq', 'softirqs', where);
    else if (cause.cause === 'gp-kthread-starved') draft.link('kthread', `${flavor} kthread`, { rule: 'W3' });
  }

  /** The stall of the wait: the nearest one that overlaps it. */
  #stallOf(hung: LogHung, expedited: boolean): JudgedStall | undefined {
    return this.#stalls
      .filter(
        ({ stall, startNs, endNs }) =>
          stall.flavor !== 'rcu_tasks' &&
          stall.expedited === expedited &&
          startNs <= hung.last.tsNs + ONE_TROUBLE_NS &&
          endNs >= hung.sinceNs - ONE_TROUBLE_NS,
      )
      .sort((a, b) => Math.abs(a.endNs - hung.last.tsNs) - Math.abs(b.endNs - hung.last.tsNs))[0];
  }

  #tasksRoot(hung: LogHung): Root | undefined {
    const stall = this.#stalls.find(({ stall, endNs }) => stall.first.how === 'tasks' && endNs >= hung.sinceNs);
    const [tid] = stall?.stall.tasks.keys() ?? [];
    return tid === undefined ? undefined : { kind: 'reader-running', task: loggedName(this.#log, tid), tid };
  }
}

function overlaps(a: LogHung, b: LogHung): boolean {
  return a.sinceNs <= b.last.tsNs + ONE_TROUBLE_NS && a.last.tsNs >= b.sinceNs - ONE_TROUBLE_NS;
}
