/**
 * What kernel reports add to the lock model: edges of lockdep's chains (MODEL G2.1), wait types and their numbering (L5.31), and
 * what the reporting tasks hold and want.
 */
import type { KernelProfile, LogLock, LogReport, LogTask } from '../../../../schema/index.ts';
import type { LockClass } from './class.ts';
import type { LockClassTable } from './class-table.ts';
import { DEP_EN, type LockGraph } from './order/graph.ts';

export interface ReportedLock {
  readonly task: LogTask;
  readonly lock: LogLock;
  readonly tsNs: number;
  readonly line: number;
}

/** A site at which a task acquires a lock while it holds another, from a chain entry's stack. */
export interface ReportedOrder {
  readonly held: string;
  readonly acquired: string;
  /** Function names, innermost first. */
  readonly stack: readonly string[];
  readonly line: number;
}

export class LockReports {
  readonly #table: LockClassTable;
  readonly #graph: LockGraph;
  readonly #learn: <K extends keyof KernelProfile>(field: K, value: KernelProfile[K]) => void;
  /** Locks that reports show as held or wanted, newest last. */
  readonly held: ReportedLock[] = [];
  readonly wanted: ReportedLock[] = [];
  readonly orders: ReportedOrder[] = [];
  readonly #stacks = new Map<number, readonly string[]>();
  /** Chains of circular reports as class numbers, each held while the next is acquired. */
  readonly cycles: number[][] = [];
  /** Time of lockdep's first report: it switches itself off then (L5.1); −1 without. */
  lockdepOffNs = -1;

  constructor(
    table: LockClassTable,
    graph: LockGraph,
    learn: <K extends keyof KernelProfile>(field: K, value: KernelProfile[K]) => void,
  ) {
    this.#table = table;
    this.#graph = graph;
    this.#learn = learn;
  }

  onReport(report: LogReport): void {
    if (report.kind.startsWith('lockdep-') && this.lockdepOffNs < 0) this.lockdepOffNs = report.tsNs;
    switch (report.kind) {
      case 'lockdep-circular': {
        this.#chain(report);
        this.#holds(report, report.task, report.held);
        this.wanted.push({ task: report.task, lock: report.acquiring, tsNs: report.tsNs, line: report.line });
        this.#types([report.acquiring, report.holding, ...report.held, ...report.chain.map((entry) => entry.lock)]);
        return;
      }
      case 'lockdep-irq-order':
        this.#edge(report.holding, report.acquiring, report);
        this.#holds(report, report.task, report.held);
        this.#types([report.acquiring, report.holding, ...report.held]);
        return;
      case 'lockdep-irq-inversion':
      case 'lockdep-irq-state':
        this.#holds(report, report.task, report.held);
        this.#types([report.lock, ...report.held]);
        return;
      case 'lockdep-recursion':
        this.#holds(report, report.task, report.held);
        this.wanted.push({ task: report.task, lock: report.acquiring, tsNs: report.tsNs, line: report.line });
        this.#types([report.acquiring, report.holding, ...report.held]);
        return;
      case 'lockdep-wait-context':
        // `context-{5:5}` is LD_WAIT_MAX of a kernel with PROVE_RAW_LOCK_NESTING, `{4:4}` of one without (L5.31).
        if (report.context === 5) this.#learn('rawLockNesting', true);
        else if (report.context === 4) this.#learn('rawLockNesting', false);
        this.#holds(report, report.task, report.held);
        this.#types([report.lock, ...report.held]);
        return;
      case 'held-locks':
        for (const { task, locks } of report.tasks) {
          this.#holds(report, task, locks);
          this.#types(locks);
        }
        return;
      case 'sleep-in-atomic':
        if (report.task) this.#holds(report, report.task, report.held);
        this.#types(report.held);
        return;
      case 'hung-task':
        this.#keepStack(report.task.tid, report.stack);
        return;
      case 'backtrace':
        if (report.task) this.#keepStack(report.task.tid, report.stack);
        return;
      default:
        return;
    }
  }

  /** Newest stack that the log shows of a task, innermost first. */
  stackOf(tid: number): readonly string[] | undefined {
    return this.#stacks.get(tid);
  }

  #keepStack(tid: number, stack: readonly string[]): void {
    if (this.#stacks.size < 4096) this.#stacks.set(tid, stack);
  }

  /** `-> #k`: an edge (k−1)→k for each k ≥ 1; the closing edge holding→acquiring is what #0 shows (G2.1, G2.2). */
  #chain(report: Extract<LogReport, { kind: 'lockdep-circular' }>): void {
    for (let k = 1; k < report.chain.length; k++) {
      this.#edge(report.chain[k - 1].lock, report.chain[k].lock, report);
      this.orders.push({
        held: report.chain[k - 1].lock.name,
        acquired: report.chain[k].lock.name,
        stack: report.chain[k].stack,
        line: report.line,
      });
    }
    this.#edge(report.holding, report.acquiring, report);
    if (this.cycles.length < 64) this.cycles.push(report.chain.map((entry) => this.#class(entry.lock).classId));
  }

  #edge(from: LogLock, to: LogLock, report: LogReport): void {
    const edge = this.#graph.edge(this.#class(from).classId, this.#class(to).classId);
    if (edge.count === 0 && !edge.reported) edge.firstNs = report.tsNs;
    edge.reported = true;
    edge.reportedLine = report.line;
    if (edge.count === 0) {
      edge.dep |= DEP_EN;
      edge.depRecursive |= DEP_EN;
    }
  }

  #class(lock: LogLock): LockClass {
    return this.#table.named(lock.name);
  }

  #holds(report: LogReport, task: LogTask, locks: readonly LogLock[]): void {
    for (const lock of locks) this.held.push({ task, lock, tsNs: report.tsNs, line: report.line });
    if (this.held.length > 512) this.held.splice(0, this.held.length - 256);
    if (this.wanted.length > 64) this.wanted.splice(0, this.wanted.length - 32);
  }

  #types(locks: readonly LogLock[]): void {
    for (const lock of locks) {
      if (lock.inner === undefined) continue;
      const cls = this.#class(lock);
      cls.reportedInner = lock.inner;
      cls.reportedOuter = lock.outer ?? lock.inner;
      // mutex {4:4} and RCU {1:3} exist only with PROVE_RAW_LOCK_NESTING, RCU {1:2} only without.
      if (lock.inner >= 4) this.#learn('rawLockNesting', true);
      else if (/^rcu_read_lock(_bh)?$/.test(lock.name)) this.#learn('rawLockNesting', lock.inner === 3);
      else if (lock.inner === 3 && cls.rule.inner === 'sleep') this.#learn('rawLockNesting', false);
    }
  }
}
