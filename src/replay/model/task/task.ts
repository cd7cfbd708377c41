/**
 * Tasks: who runs, who is runnable, who is blocked, since when and with which stack.
 *
 * Blocked = switched out in state D until the wakeup, then runnable until the switch-in (MODEL W4.10). A stack that belongs
 * to the switch-out comes with it (perf) or in the next kernel_stack record of that CPU (ftrace, E0.8).
 */
import {
  CTX_HARDIRQ,
  CTX_KNOWN,
  CTX_NMI,
  CTX_SOFTIRQ,
  type EventCursor,
  type EventType,
  fieldsOf,
  knownName,
  NO_CPU,
} from '../../../../schema/index.ts';
import { Listeners } from '../../core/listeners.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import type { CpuModel } from '../cpu/cpu.ts';

export const TASK_RUNNING = 0;
export const TASK_RUNNABLE = 1;
/** Uninterruptible (D): what hung-task detection counts. */
export const TASK_BLOCKED = 2;
/** Any other sleep, TASK_IDLE included. */
export const TASK_SLEEPING = 3;
export const TASK_UNKNOWN = 4;
export const TASK_DEAD = 5;
export type TaskRunState = 0 | 1 | 2 | 3 | 4 | 5;

export const STATE_NAMES = ['running', 'runnable', 'blocked', 'sleeping', 'unknown', 'dead'] as const;

const SWITCH = fieldsOf('sched_switch');
const WAKE = fieldsOf('sched_waking', 'sched_wakeup', 'sched_wakeup_new');
const FORK = fieldsOf('sched_process_fork');
const EXEC = fieldsOf('sched_process_exec');
const EXIT = fieldsOf('sched_process_exit');
const MIGRATE = fieldsOf('sched_migrate_task');
const LOST = fieldsOf('quiesce_lost');

/** tid, or −1 − cpu for the idle task of a CPU: pid 0 is one task per CPU (T25). */
export type TaskKey = number;

export function taskKey(tid: number, cpu: number): TaskKey {
  return tid > 0 ? tid : -1 - cpu;
}

export class Task {
  readonly key: TaskKey;
  readonly tid: number;
  /** String id of the newest name. */
  comm = 0;
  state: TaskRunState = TASK_UNKNOWN;
  /** The event that brought it into this state. */
  stateEvent = 0;
  /** prev_state letters of the last switch-out. */
  letters = '';
  sinceNs = 0;
  cpu = -1;
  /** Last time it was put on a CPU. */
  onCpuSinceNs = 0;
  prio = 120;
  /** Stack of the last switch-out, 0 when none was recorded, and the event that brought it. */
  stack = 0;
  stackEvent = 0;
  /** The switch-out event. */
  offEvent = 0;
  /** When it was woken, while runnable after a sleep; −1 otherwise. */
  wokenNs = -1;
  /** The last sched_waking since it went to sleep: when, by whom, which event; −1 and 0 when none was recorded. */
  wakingNs = -1;
  wakerTid = -1;
  wakeEvent = 0;
  /** Lost-event markers seen when the state began: a state that crosses one is censored (E0.4). */
  gapsAtSince = 0;
  /** Cumulative ns: running, runnable, blocked, sleeping. */
  readonly times = new Float64Array(4);
  bornNs = -1;

  constructor(key: TaskKey, tid: number) {
    this.key = key;
    this.tid = tid;
  }
}

/** A finished or open sleep in state D. */
export interface BlockedInterval {
  readonly task: Task;
  readonly startNs: number;
  readonly endNs: number;
  readonly stack: number;
  /** Events: the stack, the switch-out, sched_waking (0 when not recorded), and what ended it (sched_wakeup, or the switch-in). */
  readonly stackEvent: number;
  readonly offEvent: number;
  readonly wakeEvent: number;
  readonly endEvent: number;
  /** Task that emitted sched_waking, −1 when none did: an interrupt, or not recorded. */
  readonly wakerTid: number;
  /** Events were lost while it lasted. */
  readonly censored: boolean;
}

export interface TaskListener {
  /** The task left the CPU; its stack may follow. */
  onSwitchOut?(task: Task, nowNs: number): void;
  /** The stack of the task's last switch-out is known now. */
  onSwitchOutStack?(task: Task): void;
  /** Preempted, or woken: it waits for a CPU from now on. */
  onRunnable?(task: Task, nowNs: number): void;
  /** It gets a CPU; its state still shows the waiting that ends. */
  onLeavesRunnable?(task: Task, nowNs: number, eventId: number): void;
  onSwitchIn?(task: Task, nowNs: number): void;
  /** A D sleep is over: woken, or seen running. */
  onUnblocked?(interval: BlockedInterval): void;
  onExit?(task: Task, nowNs: number): void;
}

/** Exited tasks that are remembered. */
const DEPARTED_KEPT = 65536;

export class TaskModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #tasks = new Map<TaskKey, Task>();
  readonly listeners = new Listeners<TaskListener>({
    onSwitchOut: [],
    onSwitchOutStack: [],
    onRunnable: [],
    onLeavesRunnable: [],
    onSwitchIn: [],
    onUnblocked: [],
    onExit: [],
  });
  /** Last switch-out per CPU that may still get its stack. */
  readonly #awaitingStack: (Task | undefined)[] = [];
  /** Names and births of tasks that have exited: chains still name them. */
  readonly #departed = new Map<TaskKey, { readonly comm: number; readonly bornNs: number }>();
  /** Per CPU: the task that was switched in last. */
  readonly #onCpu: (Task | undefined)[] = [];
  /** CPUs on which tasks were woken. */
  readonly #wokenOn: boolean[] = [];

  constructor(world: World, cpus: CpuModel) {
    this.#world = world;
    this.#cpus = cpus;
  }

  find(key: TaskKey): Task | undefined {
    return this.#tasks.get(key);
  }

  /** Last switch-out per CPU whose stack may still come: live state of a snapshot. */
  get awaitingStack(): (Task | undefined)[] {
    return this.#awaitingStack;
  }

  /** Puts back a task of a snapshot. */
  restore(task: Task): void {
    this.#tasks.set(task.key, task);
    if (task.state === TASK_RUNNING && task.cpu >= 0) this.#onCpu[task.cpu] = task;
  }

  all(): IterableIterator<Task> {
    return this.#tasks.values();
  }

  /** `comm:tid` as reports print it. */
  label(task: Task): string {
    return `${this.name(task)}:${task.tid}`;
  }

  name(task: Task): string {
    return this.#world.dictionary.string(task.comm) || '<...>';
  }

  /** `comm:tid` for a name that was kept. */
  labelOf(tid: number, comm: number): string {
    return `${this.#world.dictionary.string(comm) || '<...>'}:${tid}`;
  }

  /** `comm:tid` of a task that may have exited; `<...>` stands for a name that no event tells. */
  labelOfTid(tid: number): string {
    return this.labelOf(tid, this.#tasks.get(tid)?.comm || this.#departed.get(tid)?.comm || 0);
  }

  /** When the task was forked; −1 before the capture, or not recorded. */
  bornNs(tid: number): number {
    return (this.#tasks.get(tid) ?? this.#departed.get(tid))?.bornNs ?? -1;
  }

  get(tid: number, cpu: number): Task {
    const key = taskKey(tid, cpu);
    let task = this.#tasks.get(key);
    if (!task) {
      task = new Task(key, tid);
      task.sinceNs = this.#world.nowNs;
      this.#tasks.set(key, task);
    }
    return task;
  }

  /** Time in each state up to now: running, runnable, blocked, sleeping. */
  timesAt(task: Task, nowNs: number): Float64Array {
    const times = task.times.slice();
    if (task.state < 4) times[task.state] += nowNs - task.sinceNs;
    return times;
  }

  subscribe(type: EventType): EventHandler | undefined {
    switch (knownName(type)) {
      case 'sched_switch':
        return (event) => this.#switch(event);
      case 'sched_waking':
        return (event) => this.#waking(event);
      case 'sched_wakeup':
      case 'sched_wakeup_new':
        return (event) => this.#wakeup(event);
      case 'sched_process_fork':
        return (event) => this.#fork(event);
      case 'sched_process_exec':
        return (event) => {
          this.get(event.int(EXEC.pid), event.cpu).comm = event.comm;
        };
      case 'sched_process_exit':
        return (event) => this.#exit(event);
      case 'sched_migrate_task':
        return (event) => {
          this.get(event.int(MIGRATE.pid), event.cpu).cpu = event.int(MIGRATE.dest_cpu);
        };
      case 'kernel_stack':
        return (event) => this.#stack(event);
      case 'quiesce_lost':
        return (event) => this.#gap(event);
      default:
        return undefined;
    }
  }

  #enter(task: Task, state: TaskRunState, nowNs: number, eventId: number): void {
    const spent = nowNs - task.sinceNs;
    if (task.state < 4 && spent >= 0) {
      task.times[task.state] += spent;
      if (task.tid > 0) this.#fact(task, nowNs);
    }
    task.state = state;
    task.stateEvent = eventId;
    task.sinceNs = nowNs;
    task.gapsAtSince = this.#world.lostMarkers;
  }

  #fact(task: Task, endNs: number | null): void {
    this.#world.facts.taskState({
      tid: task.tid,
      comm: this.name(task),
      state: STATE_NAMES[task.state],
      // Not null: where numbers follow it, V8 optimises and gives up again without end, which took 40 % of the replay of 2 million switches.
      cpu: task.cpu < 0 ? Number.NaN : task.cpu,
      startNs: task.sinceNs,
      endNs,
    });
  }

  #switch(event: EventCursor): void {
    const nowNs = event.tsNs;
    const cpu = event.cpu;
    const prev = this.get(event.int(SWITCH.prev_pid), cpu);
    const onCpu = this.#onCpu[cpu];
    if (onCpu !== prev && onCpu?.state === TASK_RUNNING && onCpu.cpu === cpu) this.#unseen(onCpu, nowNs);
    prev.comm = event.str(SWITCH.prev_comm) || prev.comm;
    prev.prio = event.int(SWITCH.prev_prio, prev.prio);
    const letters = event.text(SWITCH.prev_state);
    if (prev.state !== TASK_RUNNING && prev.state !== TASK_UNKNOWN) this.#resume(prev, cpu, event);
    prev.letters = letters;
    prev.offEvent = event.eventId;
    prev.cpu = cpu;
    prev.stack = event.stack;
    prev.stackEvent = event.stack ? event.eventId : 0;
    prev.wokenNs = -1;
    this.#enter(prev, stateOf(letters), nowNs, event.eventId);
    if (prev.state !== TASK_RUNNABLE) {
      prev.wakingNs = -1;
      prev.wakerTid = -1;
      prev.wakeEvent = 0;
    }
    for (const call of this.listeners.on.onSwitchOut) call(prev, nowNs);
    if (prev.state === TASK_RUNNABLE) this.#runnable(prev, nowNs);
    if (prev.state === TASK_DEAD) {
      this.#depart(prev);
      this.#awaitingStack[cpu] = undefined;
    } else if (event.stack) {
      this.#world.noteStack(event.stack);
      for (const call of this.listeners.on.onSwitchOutStack) call(prev);
      this.#awaitingStack[cpu] = undefined;
    } else {
      this.#awaitingStack[cpu] = prev;
    }

    const next = this.get(event.int(SWITCH.next_pid), cpu);
    next.comm = event.str(SWITCH.next_comm) || next.comm;
    next.prio = event.int(SWITCH.next_prio, next.prio);
    this.#resume(next, cpu, event);
  }

  #depart(task: Task): void {
    this.#tasks.delete(task.key);
    this.#departed.set(task.key, { comm: task.comm, bornNs: task.bornNs });
    if (this.#departed.size > DEPARTED_KEPT) this.#departed.delete(this.#departed.keys().next().value as TaskKey);
  }

  /** The task is on a CPU: ends whatever it was doing. */
  #resume(task: Task, cpu: number, event: EventCursor): void {
    const nowNs = event.tsNs;
    if (task.state === TASK_BLOCKED) this.#unblocked(task, event);
    if (task.state === TASK_RUNNABLE)
      for (const call of this.listeners.on.onLeavesRunnable) call(task, nowNs, event.eventId);
    if (task.wokenNs >= 0) this.#world.facts.sample('runqueue-wait', this.name(task), nowNs - task.wokenNs);
    task.wokenNs = -1;
    this.#enter(task, TASK_RUNNING, nowNs, event.eventId);
    task.onCpuSinceNs = nowNs;
    task.cpu = cpu;
    this.#onCpu[cpu] = task;
    for (const call of this.listeners.on.onSwitchIn) call(task, nowNs);
  }

  /** Another task is on its CPU: it left unseen (perf leaves out what the recorder may not look at), nobody knows when. */
  #unseen(task: Task, nowNs: number): void {
    task.state = TASK_UNKNOWN;
    task.sinceNs = nowNs;
  }

  #runnable(task: Task, nowNs: number): void {
    for (const call of this.listeners.on.onRunnable) call(task, nowNs);
  }

  #unblocked(task: Task, event: EventCursor): void {
    const nowNs = event.tsNs;
    const interval = {
      task,
      startNs: task.sinceNs,
      endNs: nowNs,
      stack: task.stack,
      stackEvent: task.stackEvent,
      offEvent: task.offEvent,
      wakeEvent: task.wakeEvent,
      wakerTid: task.wakerTid,
      endEvent: event.eventId,
      censored: task.gapsAtSince !== this.#world.lostMarkers,
    };
    this.#world.facts.sample('blocked', this.name(task), nowNs - task.sinceNs);
    for (const call of this.listeners.on.onUnblocked) call(interval);
  }

  /** The waker is the task that emits sched_waking; the task becomes runnable at sched_wakeup (T28). */
  #waking(event: EventCursor): void {
    const task = this.get(event.int(WAKE.pid), event.cpu);
    task.comm = event.str(WAKE.comm) || task.comm;
    task.wakingNs = event.tsNs;
    task.wakerTid = event.cpu === NO_CPU || this.#inInterrupt(event) ? -1 : event.tid;
    task.wakeEvent = event.eventId;
  }

  /** An interrupt wakes on its own account, not on that of the task below it (T29). */
  #inInterrupt(event: EventCursor): boolean {
    if (event.flags & CTX_KNOWN) return (event.flags & (CTX_HARDIRQ | CTX_SOFTIRQ | CTX_NMI)) !== 0;
    const cpu = this.#cpus.get(event.cpu);
    return cpu.inHardirq || cpu.inSoftirq;
  }

  #wakeup(event: EventCursor): void {
    const task = this.get(event.int(WAKE.pid), event.cpu);
    const nowNs = event.tsNs;
    task.comm = event.str(WAKE.comm) || task.comm;
    task.prio = event.int(WAKE.prio, task.prio);
    if (task.state === TASK_RUNNING) return;
    if (task.state === TASK_BLOCKED) this.#unblocked(task, event);
    if (task.state !== TASK_RUNNABLE) {
      this.#enter(task, TASK_RUNNABLE, nowNs, event.eventId);
      task.wokenNs = nowNs;
      this.#runnable(task, nowNs);
    }
    task.cpu = event.int(WAKE.target_cpu, task.cpu);
    if (task.cpu >= 0) this.#wokenOn[task.cpu] = true;
  }

  /** CPUs on which tasks were woken, and of which there is no record: whatever happened there is missing. */
  unrecordedCpus(): number[] {
    return [...this.#wokenOn.keys()].filter((cpu) => this.#wokenOn[cpu] && (this.#cpus.find(cpu)?.records ?? 0) === 0);
  }

  /** Whether there is such a CPU. Hot: tasks that hold locks ask when they come back. */
  get missesCpus(): boolean {
    for (let cpu = 0; cpu < this.#wokenOn.length; cpu++)
      if (this.#wokenOn[cpu] && (this.#cpus.find(cpu)?.records ?? 0) === 0) return true;
    return false;
  }

  #fork(event: EventCursor): void {
    const key = event.int(FORK.child_pid);
    this.#tasks.delete(key); // a reused pid is a new task (T26)
    const child = this.get(key, event.cpu);
    child.comm = event.str(FORK.child_comm);
    child.bornNs = event.tsNs;
  }

  #exit(event: EventCursor): void {
    const task = this.get(event.int(EXIT.pid), event.cpu);
    for (const call of this.listeners.on.onExit) call(task, event.tsNs);
  }

  #stack(event: EventCursor): void {
    this.#world.noteStack(event.stack);
    const task = this.#awaitingStack[event.cpu];
    if (!task || task.stack || task.tid !== event.tid) return;
    this.#awaitingStack[event.cpu] = undefined;
    task.stack = event.stack;
    task.stackEvent = event.eventId;
    for (const call of this.listeners.on.onSwitchOutStack) call(task);
  }

  /** Nothing is known of the tasks that ran on the CPU (E0.4). */
  #gap(event: EventCursor): void {
    const cpu = event.int(LOST.lost_cpu);
    const { tidAtGap } = this.#cpus.get(cpu);
    const task = tidAtGap < 0 ? undefined : this.#tasks.get(taskKey(tidAtGap, cpu));
    if (task?.state === TASK_RUNNING) this.#enter(task, TASK_UNKNOWN, event.tsNs, event.eventId);
    this.#awaitingStack[cpu] = undefined;
  }

  finish(endNs: number): void {
    for (const task of this.#tasks.values()) {
      if (task.state >= 4) continue;
      task.times[task.state] += endNs - task.sinceNs;
      if (task.tid > 0) this.#fact(task, null);
      if (task.state === TASK_BLOCKED) this.#world.facts.openSample('blocked', this.name(task));
      if (task.wokenNs >= 0) this.#world.facts.openSample('runqueue-wait', this.name(task));
    }
  }
}

function stateOf(letters: string): TaskRunState {
  if (letters.startsWith('R')) return TASK_RUNNABLE;
  if (letters.includes('X') || letters.includes('Z')) return TASK_DEAD;
  return letters.includes('D') ? TASK_BLOCKED : TASK_SLEEPING;
}
