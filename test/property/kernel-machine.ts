/**
 * A small kernel that leaves an ftrace recording behind: CPUs, tasks, RCU with its node tree, preempted readers, SRCU with its
 * work items, interrupts. Driven by a list of steps, so that fast-check can draw and shrink it. What really happened is kept
 * beside the events: the oracles of MODEL §9 compare the replay with it.
 */
import fc from 'fast-check';
import { CTX_HARDIRQ, CTX_IRQS_KNOWN, CTX_KNOWN, CTX_NMI, CTX_SOFTIRQ } from '../../schema/index.ts';
import { type Cell, type LoggedEvent, tracepoint } from '../support/event-log.ts';

/** What happens, on which CPU, a free choice, and the time that passes before. */
export type Step = readonly [what: (typeof STEP_KINDS)[number], cpu: number, pick: number, ns: number];

export interface MachineShape {
  readonly cpus: number;
  readonly leafSize: number;
  readonly steps: readonly Step[];
}

const STEP_KINDS = [
  'switch',
  'switch',
  'switch',
  'wake',
  'read',
  'unread',
  'tick',
  'core',
  'nmi',
  'irq',
  'gp',
  'gp',
  'gp',
  'sync',
  'srcu-read',
  'srcu-unread',
  'srcu-sync',
  'worker',
  'worker',
] as const;

/** Machines of one to forty CPUs in leaves of 2 or 16; most steps are short, some long enough for verdicts. */
export const machineArbitrary = (maxSteps = 220): fc.Arbitrary<MachineShape> =>
  fc.record({
    cpus: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 5, max: 40 })),
    leafSize: fc.constantFrom(2, 16),
    steps: fc.array(
      fc.tuple(
        fc.constantFrom(...STEP_KINDS),
        fc.nat(63),
        fc.nat(1000),
        fc.oneof(
          { weight: 8, arbitrary: fc.integer({ min: 1, max: 2_000_000 }) },
          { weight: 1, arbitrary: fc.integer({ min: 1, max: 3_000_000_000 }) },
        ),
      ),
      { maxLength: maxSteps, size: 'max' },
    ),
  });

export interface StallDetector {
  readonly timeoutNs: number;
  readonly hz: number;
}

export interface TrueGracePeriod {
  readonly seq: number;
  readonly startNs: number;
  endNs: number | null;
  /** CPUs whose bit was set at init, and when it was cleared. */
  readonly pending: Map<number, number | null>;
  /** Preempted readers that block it, and when they left. */
  readonly readers: Map<number, number | null>;
}

export interface TrueWait {
  readonly tid: number;
  readonly domain: string;
  readonly startNs: number;
  endNs: number | null;
  /** synchronize_rcu: sequence number whose completion lets it go. */
  readonly target: number;
}

interface SimTask {
  readonly tid: number;
  readonly comm: string;
  state: 'running' | 'runnable' | 'blocked' | 'sleeping';
  cpu: number;
  reading: boolean;
  /** On the blocked-readers list of that leaf. */
  listedLeaf: number;
  rcuWait: TrueWait | undefined;
  srcuWait: (TrueWait & { readonly struct: number }) | undefined;
  readonly srcuSections: Set<number>;
}

interface SimCpu {
  task: SimTask;
  idle: SimTask;
  /** Passed a quiescent state that is not reported yet. */
  passed: boolean;
}

interface SimSrcu {
  readonly name: string;
  readonly work: number;
  pending: boolean;
  running: boolean;
  /** Readers that the grace period in progress waits for. */
  waitsFor: Set<number> | undefined;
  waiters: SimTask[];
  /** Waiters of the next grace period. */
  next: SimTask[];
  done: SimTask[];
  callbackPending: boolean;
}

const GP_KTHREAD = 15;
const FLAVOR = 'rcu_preempt';
const TASK_FLAGS = CTX_KNOWN | CTX_IRQS_KNOWN;

export class KernelMachine {
  readonly log: LoggedEvent[] = [];
  readonly periods: TrueGracePeriod[] = [];
  readonly rcuWaits: TrueWait[] = [];
  readonly srcuWaits: TrueWait[] = [];
  /** Completed grace periods per srcu_struct. `shown`: callbacks were queued at the end; they were not where those of the one before waited still. */
  readonly srcuPeriods = new Map<
    string,
    { readonly startNs: number; readonly endNs: number; readonly shown: boolean }[]
  >();
  readonly nmiNs: number[] = [];
  /** Stall warnings: of which grace period, at which tick of which CPU, and whether that was a holdout itself. */
  readonly warnings: { readonly seq: number; readonly tickNs: number; readonly cpu: number; readonly self: boolean }[] =
    [];
  nowNs = 1_000_000_000;
  readonly #cpus: SimCpu[];
  readonly #tasks: SimTask[];
  readonly #kthread: SimTask;
  readonly #workers: SimTask[];
  readonly #leafSize: number;
  readonly #qsmask: number[];
  readonly #blocked: Set<SimTask>[];
  #seq = 400;
  #gp: TrueGracePeriod | undefined;
  #requested = false;
  #rcuWaiters: SimTask[] = [];
  readonly #srcu: SimSrcu[];
  readonly #srcuSince = new Map<string, number>();
  /** Work that is queued, by the CPU of its pool. */
  readonly #lists: { readonly srcu: SimSrcu; readonly fn: 'process_srcu' | 'srcu_invoke_callbacks' }[][];

  /** The stall detector of this kernel (R2.40–R2.43): its timeout and HZ; undefined: suppressed. */
  readonly #stall: StallDetector | undefined;
  #warnAtNs = Number.POSITIVE_INFINITY;
  readonly #lastTickNs: number[] = [];

  /** @param leafSize CPUs per leaf rcu_node; more CPUs than that make a second level. */
  constructor(cpus: number, leafSize = 16, tasks = 6, stall?: StallDetector) {
    this.#stall = stall;
    this.#leafSize = leafSize;
    this.#cpus = Array.from({ length: cpus }, (_, cpu) => {
      const idle = task(0, '<idle>', 'running', cpu);
      this.nmiNs[cpu] = 0;
      return { task: idle, idle, passed: false };
    });
    const leaves = Math.ceil(cpus / leafSize);
    this.#qsmask = Array.from({ length: leaves }, () => 0);
    this.#blocked = Array.from({ length: leaves }, () => new Set<SimTask>());
    this.#kthread = task(GP_KTHREAD, FLAVOR, 'sleeping', 0);
    this.#lists = this.#cpus.map(() => []);
    this.#workers = this.#cpus.map((_, cpu) => task(30 + cpu, `kworker/${cpu}:1`, 'sleeping', cpu));
    this.#tasks = Array.from({ length: tasks }, (_, i) => task(101 + i, `user-${i}`, 'runnable', i % cpus));
    this.#srcu = ['lab_srcu_a', 'lab_srcu_b'].map((name, i) => ({
      name,
      work: 0x1000 + i * 0x40,
      pending: false,
      running: false,
      waitsFor: undefined,
      waiters: [],
      next: [],
      done: [],
      callbackPending: false,
    }));
    for (let cpu = 0; cpu < cpus; cpu++) this.#emit('rcu_utilization', cpu, TASK_FLAGS, 'Start scheduler-tick');
  }

  /** Builds the machine and lets it run. */
  static of(shape: MachineShape, stall?: StallDetector): KernelMachine {
    return new KernelMachine(shape.cpus, shape.leafSize, 6, stall).run(shape.steps);
  }

  get cpuCount(): number {
    return this.#cpus.length;
  }

  run(steps: readonly Step[]): this {
    for (const [what, cpu, pick, ns] of steps) {
      this.nowNs += ns;
      this.#step(what, cpu % this.#cpus.length, pick);
    }
    return this;
  }

  /** Lets everything that can finish finish: readers leave, grace periods end, waiters return. */
  settle(): this {
    for (let round = 0; round < 60; round++) {
      for (let cpu = 0; cpu < this.#cpus.length; cpu++) {
        for (const what of ['unread', 'srcu-unread', 'srcu-unread', 'switch', 'core', 'worker'] as const) {
          this.nowNs += 1000;
          this.#step(what, cpu, what === 'switch' ? 0 : round);
        }
      }
      this.nowNs += 1000;
      this.#step('gp', 0, 0);
    }
    return this;
  }

  #step(what: Step[0], cpu: number, pick: number): void {
    const steps: Record<Step[0], () => void> = {
      switch: () => this.#switch(cpu, pick),
      wake: () => this.#wakeSleeper(cpu, pick),
      read: () => this.#read(cpu),
      unread: () => this.#unread(cpu),
      tick: () => this.#tick(cpu),
      core: () => this.#core(cpu),
      nmi: () => this.#nmi(cpu, 1000 + pick * 1000),
      irq: () => this.#irq(cpu, 500 + pick * 200),
      gp: () => this.#gpKthread(),
      sync: () => this.#sync(cpu),
      'srcu-read': () => this.#srcuRead(cpu, pick),
      'srcu-unread': () => this.#srcuUnread(cpu),
      'srcu-sync': () => this.#srcuSync(cpu, pick),
      worker: () => this.#worker(cpu),
    };
    steps[what]();
  }

  /** A user task runs on the CPU. */
  #busy(cpu: number): boolean {
    return this.#cpus[cpu].task.tid > 100;
  }

  #emit(name: string, cpu: number, flags: number, ...cells: readonly Cell[]): void {
    const { tid, comm } = this.#cpus[cpu].task;
    this.log.push(tracepoint(name, { tsNs: this.nowNs, cpu, tid, comm, flags }, ...cells));
    this.nowNs += 100;
  }

  #probe(name: string, cpu: number, returns: boolean, func: string, ...ssp: readonly string[]): void {
    const { tid, comm } = this.#cpus[cpu].task;
    this.log.push({
      tsNs: this.nowNs,
      cpu,
      tid,
      comm,
      flags: TASK_FLAGS,
      system: 'kprobes',
      name,
      shape: returns ? 'kretprobe' : 'kprobe',
      fields: [
        { name: 'func', type: 'str' },
        { name: returns ? 'ret_ip' : 'ip', type: 'ptr' },
        ...ssp.map(() => ({ name: 'ssp', type: 'ptr' }) as const),
      ],
      cells: [func, 0, ...ssp],
      stack: [],
    });
    this.nowNs += 100;
  }

  // ── scheduler ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #leaf(cpu: number): number {
    return Math.floor(cpu / this.#leafSize);
  }

  #isPending(cpu: number): boolean {
    return this.#gp?.pending.has(cpu) === true && this.#gp.pending.get(cpu) === null;
  }

  /** The CPU passes a quiescent state (R2.6). */
  #pass(cpu: number): void {
    if (!this.#isPending(cpu) || this.#cpus[cpu].passed) return;
    this.#cpus[cpu].passed = true;
    this.#emit('rcu_grace_period', cpu, TASK_FLAGS, FLAVOR, this.#seq, 'cpuqs');
  }

  /** Puts `next` on the CPU; what leaves keeps `state`. */
  #switchTo(cpu: number, next: SimTask, state: 'runnable' | 'blocked' | 'sleeping'): void {
    const here = this.#cpus[cpu];
    const prev = here.task;
    if (prev === next) return;
    if (prev.tid === 0) this.#emit('rcu_watching', cpu, TASK_FLAGS, 'Start', 0, 1, 0xffc);
    if (prev.reading && prev.listedLeaf < 0) {
      // Preempted inside a reader: the CPU's quiescent state, and from now on the task blocks (R2.7, E1.5).
      const leaf = this.#leaf(cpu);
      const blocks = this.#isPending(cpu);
      this.#emit('rcu_preempt_task', cpu, TASK_FLAGS, FLAVOR, blocks ? this.#seq : this.#snapshot(), prev.tid);
      prev.listedLeaf = leaf;
      this.#blocked[leaf].add(prev);
      if (blocks) (this.#gp as TrueGracePeriod).readers.set(prev.tid, null);
    }
    this.#pass(cpu);
    const letters = { runnable: prev.tid === 0 ? 'R' : 'R+', blocked: 'D', sleeping: 'S' }[state];
    this.#emit('sched_switch', cpu, TASK_FLAGS, prev.comm, prev.tid, 120, letters, next.comm, next.tid, 120);
    prev.state = prev.tid === 0 ? 'running' : state;
    here.task = next;
    next.state = 'running';
    next.cpu = cpu;
    if (next.tid === 0) this.#emit('rcu_watching', cpu, TASK_FLAGS, 'End', 1, 0, 0xff8);
    else this.#resumed(cpu, next);
  }

  /** Sequence number that a new caller waits for, state bits 0 (R2.3). */
  #snapshot(): number {
    return (this.#seq + 7) & ~3;
  }

  #resumed(cpu: number, next: SimTask): void {
    const wait = next.rcuWait;
    if (wait && wait.target <= this.#completed()) {
      this.#emit('rcu_sr_normal', cpu, TASK_FLAGS, FLAVOR, next.tid * 64, 'complete');
      this.#probe('synchronize_rcu_ret', cpu, true, 'synchronize_rcu');
      wait.endNs = this.nowNs - 100;
      next.rcuWait = undefined;
    }
    if (next.srcuWait) {
      this.#probe('synchronize_srcu_ret', cpu, true, 'synchronize_srcu');
      next.srcuWait.endNs = this.nowNs - 100;
      next.srcuWait = undefined;
    }
  }

  /** Highest completed target. */
  #completed(): number {
    return this.#seq & ~3;
  }

  #switch(cpu: number, pick: number): void {
    const here = this.#cpus[cpu];
    const ready = this.#tasks.filter((candidate) => candidate.state === 'runnable');
    const next = ready.length > 0 ? ready[pick % ready.length] : here.idle;
    const sleeps = pick % 3 === 1 && here.task.tid > 100 && !here.task.reading;
    this.#switchTo(cpu, next, sleeps ? 'sleeping' : 'runnable');
  }

  #wake(cpu: number, woken: SimTask): void {
    this.#emit('sched_waking', cpu, TASK_FLAGS, woken.comm, woken.tid, 120, woken.cpu);
    this.#emit('sched_wakeup', cpu, TASK_FLAGS, woken.comm, woken.tid, 120, woken.cpu);
    woken.state = 'runnable';
  }

  #wakeSleeper(cpu: number, pick: number): void {
    const asleep = this.#tasks.filter((candidate) => candidate.state === 'sleeping');
    if (asleep.length > 0) this.#wake(cpu, asleep[pick % asleep.length]);
  }

  // ── interrupts ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #tick(cpu: number): void {
    // No kernel ticks more often.
    if (this.nowNs - (this.#lastTickNs[cpu] ?? Number.NEGATIVE_INFINITY) < 1e6) return;
    const tickNs = this.nowNs;
    this.#lastTickNs[cpu] = tickNs;
    this.#emit('local_timer_entry', cpu, TASK_FLAGS | CTX_HARDIRQ, 236);
    this.#emit('rcu_utilization', cpu, TASK_FLAGS | CTX_HARDIRQ, 'Start scheduler-tick');
    this.#checkStall(cpu, tickNs);
    if (this.#busy(cpu) && !this.#cpus[cpu].task.reading) this.#pass(cpu);
    this.#emit('rcu_utilization', cpu, TASK_FLAGS | CTX_HARDIRQ, 'End scheduler-tick');
    this.#emit('local_timer_exit', cpu, TASK_FLAGS | CTX_HARDIRQ, 236);
  }

  /** check_cpu_stall(): the CPU itself from the deadline on, others two jiffies later, one of them all. */
  #checkStall(cpu: number, tickNs: number): void {
    const [stall, gp] = [this.#stall, this.#gp];
    if (!stall || !gp) return;
    const self = this.#isPending(cpu);
    if (tickNs < this.#warnAtNs + (self ? 0 : (2 * 1e9) / stall.hz)) return;
    this.#warnAtNs = tickNs + 3 * stall.timeoutNs + (3 * 1e9) / stall.hz;
    this.warnings.push({ seq: gp.seq, tickNs, cpu, self });
    const how = self ? 'SelfDetected' : 'StallDetected';
    this.#emit('rcu_stall_warning', cpu, TASK_FLAGS | CTX_HARDIRQ, FLAVOR, how);
  }

  #nmi(cpu: number, ns: number): void {
    this.nowNs += ns;
    this.nmiNs[cpu] += ns;
    this.#emit('nmi_handler', cpu, TASK_FLAGS | CTX_NMI, 'perf_event_nmi_handler', ns, 1);
  }

  #irq(cpu: number, ns: number): void {
    this.#emit('irq_handler_entry', cpu, TASK_FLAGS | CTX_HARDIRQ, 10, 'eth0');
    this.nowNs += ns;
    this.#emit('irq_handler_exit', cpu, TASK_FLAGS | CTX_HARDIRQ, 10, 1);
  }

  // ── RCU ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #report(byCpu: number, cpu: number, flags: number): void {
    const leaf = this.#leaf(cpu);
    const low = leaf * this.#leafSize;
    const high = Math.min(this.#cpus.length, low + this.#leafSize) - 1;
    const bit = 2 ** (cpu - low);
    this.#qsmask[leaf] -= bit;
    (this.#gp as TrueGracePeriod).pending.set(cpu, this.nowNs);
    const level = this.#qsmask.length > 1 ? 1 : 0;
    const tasks = this.#blockers(leaf).length > 0 ? 1 : 0;
    this.#emit(
      'rcu_quiescent_state_report',
      byCpu,
      flags,
      FLAVOR,
      this.#seq,
      bit,
      this.#qsmask[leaf],
      level,
      low,
      high,
      tasks,
    );
    this.#propagate(byCpu, leaf, flags, FLAVOR);
  }

  /** Readers of the leaf that block the grace period in progress. */
  #blockers(leaf: number): SimTask[] {
    const gp = this.#gp;
    return gp ? [...this.#blocked[leaf]].filter((reader) => gp.readers.get(reader.tid) === null) : [];
  }

  #rootDone(): boolean {
    return this.#qsmask.every((mask, leaf) => mask === 0 && this.#blockers(leaf).length === 0);
  }

  #propagate(byCpu: number, leaf: number, flags: number, name: string): void {
    if (this.#qsmask.length < 2 || this.#qsmask[leaf] !== 0 || this.#blockers(leaf).length > 0) return;
    let root = 0;
    for (let i = 0; i < this.#qsmask.length; i++) {
      if (this.#qsmask[i] !== 0 || this.#blockers(i).length > 0) root += 2 ** i;
    }
    const high = this.#cpus.length - 1;
    this.#emit('rcu_quiescent_state_report', byCpu, flags, name, this.#seq, 2 ** leaf, root, 0, 0, high, 0);
  }

  #core(cpu: number): void {
    const flags = TASK_FLAGS | CTX_SOFTIRQ;
    this.#emit('softirq_entry', cpu, flags, 9);
    if (this.#cpus[cpu].passed && this.#isPending(cpu)) this.#report(cpu, cpu, flags);
    this.#emit('softirq_exit', cpu, flags, 9);
  }

  #read(cpu: number): void {
    if (this.#busy(cpu)) this.#cpus[cpu].task.reading = true;
  }

  #unread(cpu: number): void {
    const reader = this.#cpus[cpu].task;
    if (!reader.reading) return;
    reader.reading = false;
    if (reader.listedLeaf < 0) return;
    const leaf = reader.listedLeaf;
    const blocks = this.#gp?.readers.get(reader.tid) === null;
    this.#emit('rcu_unlock_preempted_task', cpu, TASK_FLAGS, FLAVOR, this.#seq, reader.tid);
    if (blocks) this.#gp?.readers.set(reader.tid, this.nowNs - 100);
    reader.listedLeaf = -1;
    this.#blocked[leaf].delete(reader);
    if (blocks) this.#propagate(cpu, leaf, TASK_FLAGS, 'preempt_rcu');
  }

  /** One turn of rcu_gp_kthread, on CPU 0 (R2.1). */
  #gpKthread(): void {
    const interrupted = this.#cpus[0].task;
    if (interrupted.tid < 0) return;
    this.#wake(0, this.#kthread);
    this.#switchTo(0, this.#kthread, 'runnable');
    if (!this.#gp && this.#requested) this.#startGp();
    else if (this.#gp && this.#rootDone()) this.#endGp(this.#gp);
    else if (this.#gp) this.#forceQuiescentStates();
    this.#switchTo(0, interrupted.tid === 0 ? this.#cpus[0].idle : interrupted, 'sleeping');
  }

  #startGp(): void {
    this.#requested = false;
    this.#seq += 1;
    const gp: TrueGracePeriod = {
      seq: this.#seq,
      startNs: this.nowNs,
      endNs: null,
      pending: new Map(),
      readers: new Map(),
    };
    this.#gp = gp;
    if (this.#stall) this.#warnAtNs = gp.startNs + this.#stall.timeoutNs;
    this.periods.push(gp);
    this.#emit('rcu_grace_period', 0, TASK_FLAGS, FLAVOR, this.#seq, 'start');
    const all = this.#cpus.length;
    if (this.#qsmask.length > 1) {
      this.#emit(
        'rcu_grace_period_init',
        0,
        TASK_FLAGS,
        FLAVOR,
        this.#seq,
        0,
        0,
        all - 1,
        2 ** this.#qsmask.length - 1,
      );
    }
    for (let leaf = 0; leaf < this.#qsmask.length; leaf++) {
      const low = leaf * this.#leafSize;
      const high = Math.min(all, low + this.#leafSize) - 1;
      this.#qsmask[leaf] = 2 ** (high - low + 1) - 1;
      for (let cpu = low; cpu <= high; cpu++) {
        gp.pending.set(cpu, null);
        this.#cpus[cpu].passed = false;
      }
      for (const reader of this.#blocked[leaf]) gp.readers.set(reader.tid, null);
      const level = this.#qsmask.length > 1 ? 1 : 0;
      this.#emit('rcu_grace_period_init', 0, TASK_FLAGS, FLAVOR, this.#seq, level, low, high, this.#qsmask[leaf]);
    }
  }

  #forceQuiescentStates(): void {
    this.#emit('rcu_grace_period', 0, TASK_FLAGS, FLAVOR, this.#seq, 'fqsstart');
    for (let cpu = 0; cpu < this.#cpus.length; cpu++) {
      if (!this.#isPending(cpu) || this.#cpus[cpu].task.tid !== 0) continue;
      this.#emit('rcu_fqs', 0, TASK_FLAGS, FLAVOR, this.#seq, cpu, 'dti');
      this.#report(0, cpu, TASK_FLAGS);
    }
    this.#emit('rcu_grace_period', 0, TASK_FLAGS, FLAVOR, this.#seq, 'fqsend');
  }

  #endGp(gp: TrueGracePeriod): void {
    gp.endNs = this.nowNs;
    this.#emit('rcu_grace_period', 0, TASK_FLAGS, FLAVOR, this.#seq, 'end');
    this.#seq = (this.#seq | 3) + 1;
    this.#gp = undefined;
    const done = this.#rcuWaiters.filter((waiter) => (waiter.rcuWait as TrueWait).target <= this.#seq);
    this.#rcuWaiters = this.#rcuWaiters.filter((waiter) => !done.includes(waiter));
    for (const waiter of done) this.#wake(0, waiter);
    this.#requested = this.#rcuWaiters.length > 0;
  }

  #sync(cpu: number): void {
    const caller = this.#cpus[cpu].task;
    if (!this.#busy(cpu) || caller.reading || caller.srcuSections.size > 0) return;
    const wait: TrueWait = {
      tid: caller.tid,
      domain: FLAVOR,
      startNs: this.nowNs,
      endNs: null,
      target: this.#snapshot(),
    };
    this.rcuWaits.push(wait);
    caller.rcuWait = wait;
    this.#probe('synchronize_rcu', cpu, false, 'synchronize_rcu');
    this.#emit('rcu_sr_normal', cpu, TASK_FLAGS, FLAVOR, caller.tid * 64, 'request');
    this.#rcuWaiters.push(caller);
    this.#requested = true;
    this.#switchTo(cpu, this.#cpus[cpu].idle, 'blocked');
  }

  // ── SRCU ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #srcuRead(cpu: number, pick: number): void {
    const struct = pick % this.#srcu.length;
    const reader = this.#cpus[cpu].task;
    if (!this.#busy(cpu) || reader.srcuSections.has(struct)) return;
    reader.srcuSections.add(struct);
    this.#probe('__srcu_read_lock', cpu, false, '__srcu_read_lock', this.#srcu[struct].name);
  }

  #srcuUnread(cpu: number): void {
    const reader = this.#cpus[cpu].task;
    const struct = [...reader.srcuSections].at(-1);
    if (struct === undefined) return;
    this.#probe('__srcu_read_unlock', cpu, false, '__srcu_read_unlock', this.#srcu[struct].name);
    reader.srcuSections.delete(struct);
    for (const srcu of this.#srcu) if (srcu === this.#srcu[struct]) srcu.waitsFor?.delete(reader.tid);
  }

  #srcuSync(cpu: number, pick: number): void {
    const caller = this.#cpus[cpu].task;
    const struct = pick % this.#srcu.length;
    if (!this.#busy(cpu) || caller.reading || caller.srcuSections.size > 0) return;
    const srcu = this.#srcu[struct];
    const wait = { tid: caller.tid, domain: srcu.name, startNs: this.nowNs, endNs: null, target: 0, struct };
    this.srcuWaits.push(wait);
    caller.srcuWait = wait;
    this.#probe('synchronize_srcu', cpu, false, 'synchronize_srcu', srcu.name);
    srcu.next.push(caller);
    if (!srcu.waitsFor && !srcu.pending) this.#queue(cpu, srcu, 'process_srcu');
    this.#switchTo(cpu, this.#cpus[cpu].idle, 'blocked');
  }

  #queue(cpu: number, srcu: SimSrcu, fn: 'process_srcu' | 'srcu_invoke_callbacks'): void {
    const work = fn === 'process_srcu' ? srcu.work : srcu.work + 8;
    if (fn === 'process_srcu') srcu.pending = true;
    else srcu.callbackPending = true;
    this.#emit('workqueue_queue_work', cpu, TASK_FLAGS, work, fn, 'rcu_gp', 8, cpu);
    this.#emit('workqueue_activate_work', cpu, TASK_FLAGS, work, fn);
    this.#lists[cpu].push({ srcu, fn });
  }

  /** The first work item on the list of this CPU's pool, if any. */
  #worker(cpu: number): void {
    const interrupted = this.#cpus[cpu].task;
    const worker = this.#workers[cpu];
    if (interrupted === worker) return;
    const item = this.#lists[cpu].shift();
    if (!item) return;
    this.#wake(cpu, worker);
    this.#switchTo(cpu, worker, 'runnable');
    if (item.fn === 'srcu_invoke_callbacks') this.#invokeCallbacks(cpu, item.srcu);
    else this.#processSrcu(cpu, item.srcu);
    this.#switchTo(cpu, interrupted.tid === 0 ? this.#cpus[cpu].idle : interrupted, 'sleeping');
  }

  #processSrcu(cpu: number, srcu: SimSrcu): void {
    this.#emit('workqueue_execute_start', cpu, TASK_FLAGS, srcu.work, 'process_srcu');
    srcu.pending = false;
    if (!srcu.waitsFor) {
      this.#srcuSince.set(srcu.name, this.nowNs - 100);
      const struct = this.#srcu.indexOf(srcu);
      srcu.waitsFor = new Set(this.#tasks.filter((reader) => reader.srcuSections.has(struct)).map((r) => r.tid));
      srcu.waiters = srcu.next;
      srcu.next = [];
    }
    this.#probe('try_check_zero', cpu, false, 'try_check_zero', srcu.name);
    if (srcu.waitsFor.size === 0) {
      srcu.waitsFor = undefined;
      const periods = this.srcuPeriods.get(srcu.name) ?? [];
      const shown = !srcu.callbackPending;
      periods.push({ startNs: this.#srcuSince.get(srcu.name) as number, endNs: this.nowNs, shown });
      this.srcuPeriods.set(srcu.name, periods);
      srcu.done.push(...srcu.waiters);
      srcu.waiters = [];
      if (!srcu.callbackPending) this.#queue(cpu, srcu, 'srcu_invoke_callbacks');
      if (srcu.next.length > 0) this.#queue(cpu, srcu, 'process_srcu');
    } else {
      this.#queue(cpu, srcu, 'process_srcu');
    }
    this.#emit('workqueue_execute_end', cpu, TASK_FLAGS, srcu.work, 'process_srcu');
  }

  #invokeCallbacks(cpu: number, srcu: SimSrcu): void {
    this.#emit('workqueue_execute_start', cpu, TASK_FLAGS, srcu.work + 8, 'srcu_invoke_callbacks');
    srcu.callbackPending = false;
    for (const waiter of srcu.done) this.#wake(cpu, waiter);
    srcu.done = [];
    this.#emit('workqueue_execute_end', cpu, TASK_FLAGS, srcu.work + 8, 'srcu_invoke_callbacks');
  }
}

function task(tid: number, comm: string, state: SimTask['state'], cpu: number): SimTask {
  return {
    tid,
    comm,
    state,
    cpu,
    reading: false,
    listedLeaf: -1,
    rcuWait: undefined,
    srcuWait: undefined,
    srcuSections: new Set(),
  };
}
