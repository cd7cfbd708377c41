/** Opens and settles debts of a grace period: takes the CPU's and the reader's accounts at both ends, and books who ran meanwhile. */
import type { CpuModel } from './cpu.ts';
import type { Holdout } from './grace-period.ts';
import { TASK_RUNNING, type TaskModel } from './task.ts';

/** Ordinary quiescent-state delays: nobody asks who ran on the CPU meanwhile. */
export const SHORTEST_BLOCKER_NS = 1e7;

interface Ran {
  ns: number;
  /** String id of the name, kept here because the task may be gone when the debt is paid. */
  readonly comm: number;
}

export class HoldoutLedger {
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  /** Time on the CPU by tid, of debts in progress. */
  readonly #ran = new Map<Holdout, Map<number, Ran>>();
  readonly #switchedInNs: number[] = [];

  constructor(cpus: CpuModel, tasks: TaskModel) {
    this.#cpus = cpus;
    this.#tasks = tasks;
  }

  cpu(cpu: number, nowNs: number, event: number): Holdout {
    const state = this.#cpus.get(cpu);
    const quiescent = this.#cpus.isQuiescent(state);
    return {
      kind: 'cpu',
      cpu,
      tid: -1,
      name: `cpu ${cpu}`,
      fromNs: nowNs,
      fromEvent: event,
      toNs: null,
      toEvent: 0,
      cpuEvent: state.switchEvent,
      taskEvent: 0,
      queuedEvent: 0,
      passedNs: quiescent ? nowNs : null,
      passedBy: quiescent ? 'eqs' : undefined,
      passedEvent: quiescent ? state.quiescentEvent : 0,
      occupancyFrom: this.#cpus.snapshot(cpu, nowNs),
      occupancyTo: quiescent ? this.#cpus.snapshot(cpu, nowNs) : undefined,
      timesFrom: undefined,
      timesTo: undefined,
      ran: new Map(),
      ticksFrom: state.ticks,
      ticks: 0,
    };
  }

  /** @param cpu where it was preempted first: its leaf waits for it (R2.9). */
  reader(tid: number, cpu: number, nowNs: number, event: number, queuedEvent: number): Holdout {
    const task = this.#tasks.get(tid, cpu);
    return {
      kind: 'reader',
      cpu,
      tid,
      name: this.#tasks.label(task),
      fromNs: nowNs,
      fromEvent: event,
      toNs: null,
      toEvent: 0,
      cpuEvent: this.#cpus.get(cpu).switchEvent,
      taskEvent: task.stateEvent,
      queuedEvent,
      passedNs: null,
      passedBy: undefined,
      passedEvent: 0,
      occupancyFrom: this.#cpus.snapshot(cpu, nowNs),
      occupancyTo: undefined,
      timesFrom: this.#tasks.timesAt(task, nowNs),
      timesTo: undefined,
      ran: new Map(),
      ticksFrom: this.#cpus.get(cpu).ticks,
      ticks: 0,
    };
  }

  /** The CPU passed a quiescent state; what remains is the report. */
  pass(holdout: Holdout, by: 'itself' | 'eqs', nowNs: number, event: number): void {
    holdout.passedNs = nowNs;
    holdout.passedBy = by;
    holdout.passedEvent = event;
    if (by === 'eqs') this.close(holdout, nowNs);
  }

  /** The debt is paid. */
  settle(holdout: Holdout, nowNs: number, event: number): void {
    if (holdout.toNs !== null) return;
    holdout.toNs = nowNs;
    holdout.toEvent = event;
    if (holdout.passedBy !== 'eqs') this.close(holdout, nowNs);
  }

  /** Takes the accounts without settling: the capture is over. */
  close(holdout: Holdout, nowNs: number): void {
    holdout.occupancyTo = this.#cpus.snapshot(holdout.cpu, nowNs);
    holdout.ticks = this.#cpus.get(holdout.cpu).ticks - holdout.ticksFrom;
    if (holdout.kind === 'reader') {
      const task = this.#tasks.find(holdout.tid);
      if (task) holdout.timesTo = this.#tasks.timesAt(task, nowNs);
    }
    if (nowNs - holdout.fromNs >= SHORTEST_BLOCKER_NS) this.#name(holdout, nowNs);
    this.#ran.delete(holdout);
  }

  #name(holdout: Holdout, nowNs: number): void {
    const state = this.#cpus.get(holdout.cpu);
    if (state.tid > 0) {
      const task = this.#tasks.get(state.tid, holdout.cpu);
      const sinceNs = Math.max(holdout.fromNs, task.state === TASK_RUNNING ? task.sinceNs : holdout.fromNs);
      this.#book(holdout, state.tid, task.comm || state.comm, Math.max(0, nowNs - sinceNs));
    }
    for (const [tid, { ns, comm }] of this.#ran.get(holdout) ?? []) holdout.ran.set(this.#tasks.labelOf(tid, comm), ns);
  }

  #book(holdout: Holdout, tid: number, comm: number, ns: number): void {
    let ran = this.#ran.get(holdout);
    if (!ran) {
      ran = new Map();
      this.#ran.set(holdout, ran);
    }
    const booked = ran.get(tid);
    if (booked) booked.ns += ns;
    else ran.set(tid, { ns, comm });
  }

  /** A task leaves the CPU that the debt is about. */
  switchedOut(holdout: Holdout, tid: number, comm: number, nowNs: number): void {
    const sinceNs = Math.max(holdout.fromNs, this.#switchedInNs[holdout.cpu] ?? holdout.fromNs);
    this.#book(holdout, tid, comm, nowNs - sinceNs);
  }

  /** A context switch on the CPU is complete. */
  switched(cpu: number, nowNs: number): void {
    this.#switchedInNs[cpu] = nowNs;
  }
}
