/** Opens and closes holdouts of a grace period: takes the CPU's and the reader's accounts at both ends, and books who ran in between. */
import type { CpuModel } from '../../cpu/cpu.ts';
import { TASK_RUNNING, type TaskModel } from '../../task/task.ts';
import type { Holdout } from '../grace-period.ts';

/** Ordinary quiescent-state delays: which tasks ran on the CPU is not kept. */
export const SHORTEST_BLOCKER_NS = 1e7;

interface Ran {
  ns: number;
  /** String id of the name, kept here because the task may be gone when the holdout is closed. */
  readonly comm: number;
  readonly prio: number;
}

export class HoldoutAccounting {
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  /** Time on the CPU by tid, of open holdouts. */
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
      name: `CPU ${cpu}`,
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
      prios: new Map(),
      ticksFrom: state.ticks,
      ticks: 0,
      interruptsFrom: state.interrupts,
      interrupts: 0,
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
      prios: new Map(),
      ticksFrom: this.#cpus.get(cpu).ticks,
      ticks: 0,
      interruptsFrom: this.#cpus.get(cpu).interrupts,
      interrupts: 0,
    };
  }

  /** The CPU passed a quiescent state; what remains is the report. */
  pass(holdout: Holdout, by: 'itself' | 'eqs', nowNs: number, event: number): void {
    holdout.passedNs = nowNs;
    holdout.passedBy = by;
    holdout.passedEvent = event;
    if (by === 'eqs') this.close(holdout, nowNs);
    else holdout.occupancyPassed = this.#cpus.snapshot(holdout.cpu, nowNs);
  }

  /** It left the extended quiescent state before anybody had noticed. */
  reopen(holdout: Holdout): void {
    holdout.passedNs = null;
    holdout.passedBy = undefined;
    holdout.passedEvent = 0;
    holdout.occupancyTo = undefined;
    holdout.timesTo = undefined;
    holdout.ran.clear();
    holdout.prios.clear();
  }

  /** The quiescent state is reported. */
  settle(holdout: Holdout, nowNs: number, event: number): void {
    if (holdout.toNs !== null) return;
    holdout.toNs = nowNs;
    holdout.toEvent = event;
    if (holdout.passedBy !== 'eqs') this.close(holdout, nowNs);
    this.#ran.delete(holdout);
  }

  /** Takes the accounts without settling: the capture is over. */
  close(holdout: Holdout, nowNs: number): void {
    holdout.occupancyTo = this.#cpus.snapshot(holdout.cpu, nowNs);
    const state = this.#cpus.get(holdout.cpu);
    holdout.ticks = state.ticks - holdout.ticksFrom;
    holdout.interrupts = state.interrupts - holdout.interruptsFrom;
    holdout.tickless = state.tickless;
    holdout.silentNs = this.#cpus.silence.between(holdout.fromNs, nowNs);
    if (holdout.kind === 'reader') {
      const task = this.#tasks.find(holdout.tid);
      if (task) holdout.timesTo = this.#tasks.timesAt(task, nowNs);
    }
    if (nowNs - holdout.fromNs >= SHORTEST_BLOCKER_NS) this.#name(holdout, nowNs);
  }

  /** Who ran, with the one that runs now. */
  #name(holdout: Holdout, nowNs: number): void {
    const state = this.#cpus.get(holdout.cpu);
    const name = (tid: number, comm: number, prio: number, ns: number): void => {
      const label = this.#tasks.labelOf(tid, comm);
      holdout.ran.set(label, (holdout.ran.get(label) ?? 0) + ns);
      holdout.prios.set(label, prio);
    };
    for (const [tid, { ns, comm, prio }] of this.#ran.get(holdout) ?? []) name(tid, comm, prio, ns);
    // The switch to the idle task closes the holdout before the task that leaves is switched out.
    const leaving = state.lastSwitchNs === nowNs ? this.#tasks.find(state.switchedOutTid) : undefined;
    if (leaving && leaving.tid > 0 && leaving.state === TASK_RUNNING && leaving.cpu === holdout.cpu)
      name(leaving.tid, leaving.comm, leaving.prio, nowNs - Math.max(holdout.fromNs, leaving.onCpuSinceNs));
    else if (state.tid > 0) {
      const task = this.#tasks.get(state.tid, holdout.cpu);
      const sinceNs = Math.max(holdout.fromNs, task.state === TASK_RUNNING ? task.sinceNs : holdout.fromNs);
      name(state.tid, task.comm || state.comm, task.prio, Math.max(0, nowNs - sinceNs));
    }
  }

  #book(holdout: Holdout, tid: number, comm: number, prio: number, ns: number): void {
    let ran = this.#ran.get(holdout);
    if (!ran) {
      ran = new Map();
      this.#ran.set(holdout, ran);
    }
    const booked = ran.get(tid);
    if (booked) booked.ns += ns;
    else ran.set(tid, { ns, comm, prio });
  }

  /** A task leaves the CPU of an open holdout. */
  switchedOut(holdout: Holdout, tid: number, comm: number, prio: number, nowNs: number): void {
    const sinceNs = Math.max(holdout.fromNs, this.#switchedInNs[holdout.cpu] ?? holdout.fromNs);
    this.#book(holdout, tid, comm, prio, nowNs - sinceNs);
  }

  /** A context switch on the CPU is complete. */
  switched(cpu: number, nowNs: number): void {
    this.#switchedInNs[cpu] = nowNs;
  }
}
