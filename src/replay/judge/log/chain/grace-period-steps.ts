/** Grace periods on the way from a hung task: who drives them and who holds them up, by stall reports, stacks and lists of held locks. */
import type { LogTask, Root } from '../../../../../schema/index.ts';
import { type NoteInput, note } from '../../../core/note.ts';
import type { Trail } from '../../../core/wait-walk.ts';
import { ONE_TROUBLE_NS } from '../../../knowledge/thresholds.ts';
import { teardownStructs, tracepointTeardown } from '../../../knowledge/tracepoint-teardown.ts';
import {
  holdoutEdge,
  type RuledEdge,
  rcuPeriodEdge,
  srcuPeriodName,
  tasksPeriodName,
  WAITS_FOR,
} from '../../../knowledge/waits-for.ts';
import type { LogHung } from '../../../model/log/hung.ts';
import type { GpRequest } from '../../../model/log/log.ts';
import { type LogRecord, loggedName } from '../../../record/log-record.ts';
import type { JudgedStall } from '../report/stalls.ts';
import { nmiTrouble } from './cause.ts';
import type { LogStep } from './draft.ts';
import { rootOfRequest } from './gp-requests.ts';
import { STORMS } from './storm-roots.ts';
import type { LogWaits } from './waits.ts';

/** Readers that wait for readers; longer chains are not read by anybody. */
const MAX_READERS = 8;

/** Nothing is known of what it waits for. */
export const nothing = (): LogStep[] => [];

/** A task that is blocked itself, and not on the way. */
type BlockedTask = (tid: number, tsNs: number, trail: Trail<number>) => LogStep | undefined;

export class LogGracePeriods {
  readonly #log: LogRecord;
  readonly #waits: LogWaits;
  readonly #stalls: readonly JudgedStall[];
  /** Structs that a tracepoint teardown of this release waits for; undefined while the release is not known. */
  readonly #teardownStructs: readonly string[] | undefined;
  readonly #blockedTask: BlockedTask;

  /** @param release of the kernel, when it is known: it decides for how many structs a tracepoint teardown waits (T12) */
  constructor(
    log: LogRecord,
    waits: LogWaits,
    stalls: readonly JudgedStall[],
    release: string | undefined,
    blockedTask: BlockedTask,
  ) {
    this.#log = log;
    this.#waits = waits;
    this.#stalls = stalls;
    this.#teardownStructs = tracepointTeardown(release) && teardownStructs(release);
    this.#blockedTask = blockedTask;
  }

  /** The grace period for which the task waits. */
  of(hung: LogHung, awaited: RuledEdge, trail: Trail<number>): LogStep {
    switch (awaited.kind) {
      case 'srcu-gp':
        return this.#srcu(hung, trail);
      case 'tasks-gp': {
        const root = this.#tasksRoot(hung) ?? { kind: 'unknown' };
        return { edge: awaited, name: tasksPeriodName(hung.verdict.api), root, waitsFor: nothing };
      }
      default:
        return this.#rcu(hung);
    }
  }

  /** The srcu_struct of a wait; of a teardown that waits for two in turn, both names (T12). */
  domainOf({ verdict }: LogHung): string | undefined {
    return verdict.teardown && this.#teardownStructs ? this.#teardownStructs.join(' or ') : verdict.srcuDomain;
  }

  /** Workers in process_srcu are the executors; which struct each drives is not printed (W4.20, T11, T12). */
  #srcu(hung: LogHung, trail: Trail<number>): LogStep {
    const domain = this.domainOf(hung);
    const period = { edge: WAITS_FOR.srcuGp, name: domain ? srcuPeriodName(domain) : 'SRCU grace period' };
    const notes: NoteInput[] = [];
    if (hung.verdict.teardown && this.#teardownStructs?.length !== 1)
      notes.push(
        note(
          'from 7.0 on the same frames also wait for the Tasks Trace struct first: which of the two, the stack does not tell',
          'T12',
        ),
      );
    const workers = this.#log.hung.filter(
      (other) => other.verdict.insideSrcuRun && overlaps(other, hung) && !other.last.cannotDie,
    );
    if (workers.length === 0) {
      const { notes: more = [], ...held } = this.#heldByReaders(hung, domain, trail);
      return { ...period, notes: [...notes, ...more], ...held };
    }
    if (workers.length > 1)
      notes.push(
        note(
          `${workers.length} workers in process_srcu are ${workers.length} SRCU structs, for a work item runs once at a time; which is this task's, the log does not say`,
          'T11',
        ),
      );
    return { ...period, notes, waitsFor: () => workers.map((worker, i) => this.#run(worker, i, workers.length)) };
  }

  /** Of several workers the first stands for all: they wait for the same RCU grace period. */
  #run(worker: LogHung, i: number, count: number): LogStep {
    const { last, tid, verdict } = worker;
    const name = `${worker.comm}:${tid}`;
    const candidates = count > 1 ? `; 1 of ${count} candidates` : '';
    return {
      edge: WAITS_FOR.worker,
      name,
      tid,
      note: `process_srcu, waits in ${verdict.api || 'a sleep'}${candidates}`,
      place: last,
      evidence: [{ place: last, role: `${name} drives an SRCU grace period and is blocked itself` }],
      waitsFor: () => (i === 0 ? [this.#rcu(worker)] : []),
    };
  }

  /** No worker is stuck: the grace period waits for readers of its struct, as far as lists of held locks show any (W19). */
  #heldByReaders(
    hung: LogHung,
    domain: string | undefined,
    trail: Trail<number>,
  ): Pick<LogStep, 'notes' | 'root' | 'waitsFor'> {
    const { tsNs } = hung.last;
    const readers = this.#waits.srcuReaders(domain).filter((reader) => reader.task.tid !== hung.tid);
    if (readers.length === 0) return { waitsFor: nothing };
    const root: Root = { kind: 'srcu-reader' };
    const [reader] = readers;
    if (readers.length === 1) return { root, waitsFor: () => [this.#reader(reader, tsNs, trail)] };
    const names = readers.map(({ task, domain: name }) => `${task.comm}:${task.tid} (${name})`).join(', ');
    const notes = [`readers that could hold it up: ${names}; the stack does not name the struct`];
    const ends = readers.map(({ task }) => this.#lastReader(task, tsNs, new Set([hung.tid])));
    const end = ends[0];
    if (!end || ends.some((other) => other?.tid !== end.tid)) return { notes, root, waitsFor: nothing };
    const { comm, tid } = end;
    const last: LogStep = {
      edge: WAITS_FOR.srcuReader,
      name: `${comm}:${tid}`,
      tid,
      note: 'every candidate waits for it in the end',
      root: { kind: 'srcu-reader', task: comm, tid },
      waitsFor: nothing,
    };
    return { notes, root, waitsFor: () => [last] };
  }

  #reader(
    { task: { comm, tid }, domain, place }: ReturnType<LogWaits['srcuReaders']>[number],
    tsNs: number,
    trail: Trail<number>,
  ): LogStep {
    const name = `${comm}:${tid}`;
    return {
      edge: WAITS_FOR.srcuReader,
      name,
      tid,
      note: `in a read-side section of ${domain}`,
      place,
      evidence: [{ place, role: `${name} is inside a read-side section of ${domain}` }],
      root: { kind: 'srcu-reader', task: comm, tid },
      waitsFor: () => {
        const itself = this.#blockedTask(tid, tsNs, trail);
        return itself ? [itself] : [];
      },
    };
  }

  /** The reader for which a reader waits in the end; itself when it waits for none. */
  #lastReader(task: LogTask, tsNs: number, seen: Set<number>): LogTask | undefined {
    if (seen.has(task.tid) || seen.size >= MAX_READERS) return undefined;
    seen.add(task.tid);
    const hung = this.#waits.hungTask(task.tid, tsNs);
    if (hung?.verdict.resource !== 'srcu') return task;
    const others = this.#waits
      .srcuReaders(hung.verdict.srcuDomain)
      .filter((reader) => reader.task.tid !== task.tid && !seen.has(reader.task.tid));
    return others.length === 1 ? this.#lastReader(others[0].task, tsNs, seen) : undefined;
  }

  /** The RCU grace period, as the stall report that covers the wait tells of it. */
  #rcu(hung: LogHung): LogStep {
    const expedited = hung.verdict.resource === 'rcu-expedited';
    const edge = rcuPeriodEdge(hung.verdict.insideSrcuRun);
    const stall = this.#stallOf(hung, expedited);
    if (!stall) {
      const request = expedited ? undefined : this.#requestOf(hung);
      if (request) return { edge, ...this.#notBegun(request) };
      const name = expedited ? 'expedited RCU grace period' : 'RCU grace period';
      const notes = ['no stall report covers this wait: who holds the grace period up is not in the log'];
      return { edge, name, notes, waitsFor: nothing };
    }
    const { gpSeq, flavor, first } = stall.stall;
    const { cause } = stall;
    return {
      edge,
      name: `${flavor} grace period${gpSeq === null ? '' : ` ${gpSeq}`}`,
      place: first,
      evidence: [{ place: first, role: 'the kernel warns that the grace period stalls' }],
      notes: [cause.why],
      root: {
        kind: cause.cause,
        ...(cause.cpu !== undefined && { cpu: cause.cpu }),
        ...(cause.tid !== undefined && { task: loggedName(this.#log, cause.tid), tid: cause.tid }),
      },
      waitsFor: () => this.#holdouts(stall),
    };
  }

  /** A grace period that was asked for during the wait and has not begun. */
  #requestOf(hung: LogHung): GpRequest | undefined {
    return this.#log.gpRequests.find(({ tsNs }) => tsNs >= hung.sinceNs && tsNs <= hung.last.tsNs + ONE_TROUBLE_NS);
  }

  #notBegun(request: GpRequest): Omit<LogStep, 'edge'> {
    const { flavor, neededSeq, state } = request;
    const note = `in ${state}`;
    return {
      name: `${flavor} grace period (needed: ${neededSeq}, not begun)`,
      place: request,
      evidence: [{ place: request, role: 'the kernel shows the state of the grace-period kthread' }],
      root: rootOfRequest(request),
      waitsFor: () => [{ edge: WAITS_FOR.gpKthread, name: `${flavor} kthread`, note, waitsFor: nothing }],
    };
  }

  /** CPUs and readers that the report lists, the cause first; behind it what keeps it. */
  #holdouts(judged: JudgedStall): LogStep[] {
    const { stall, cause } = judged;
    const place = stall.first;
    const trouble = this.#trouble(judged);
    const pending = [
      ...[...stall.cpus.keys()].map((cpu) => ({
        isCause: cpu === cause.cpu,
        step: { edge: holdoutEdge('cpu'), name: `CPU ${cpu}`, cpu, note: 'quiescent state pending', place },
      })),
      ...[...stall.tasks.keys()].map((tid) => ({
        isCause: tid === cause.tid,
        step: {
          edge: holdoutEdge('reader'),
          name: `${loggedName(this.#log, tid)}:${tid}`,
          tid,
          note: 'blocks the grace period',
          place,
        },
      })),
    ].sort((one, other) => Number(other.isCause) - Number(one.isCause));
    if (pending.length === 0) return trouble;
    return pending.map(({ step }, i) => ({ ...step, waitsFor: () => (i === 0 ? trouble : []) }));
  }

  /** What takes the time of the CPU, or of the grace-period kthread. */
  #trouble({ stall, cause, startNs, endNs }: JudgedStall): LogStep[] {
    if (cause.cause === 'gp-kthread-starved')
      return [{ edge: WAITS_FOR.gpKthread, name: `${stall.flavor} kthread`, waitsFor: nothing }];
    const storm = STORMS[cause.cause];
    if (!storm) return [];
    const name = cause.cause === 'nmi-storm' ? (nmiTrouble(this.#log, startNs, endNs)?.name ?? 'NMI') : storm.name;
    return [{ edge: storm.edge, name, ...(cause.cpu !== undefined && { cpu: cause.cpu }), waitsFor: nothing }];
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
