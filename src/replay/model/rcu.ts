/**
 * RCU grace periods of each flavour, from the rcu:* events (MODEL §2): life of each grace period, which CPUs and which
 * preempted readers it waited for, and what those CPUs were doing meanwhile.
 *
 * Sequence numbers are kernel gp_seq values with state bits; `start` and `end` of one grace period print the same value (T2).
 */
import type { EventCursor, EventType } from '../../../schema/index.ts';
import { judgeHoldout } from '../holdout-verdict.ts';
import type { EventHandler, Model, World } from '../world.ts';
import { type CpuModel, OCC_HARDIRQ, OCC_NMI, OCC_SOFTIRQ } from './cpu.ts';
import { type GracePeriod, type Holdout, lastHoldouts } from './grace-period.ts';
import { TASK_RUNNING, type Task, type TaskModel } from './task.ts';

interface Reader {
  readonly tid: number;
  readonly cpu: number;
  readonly queuedNs: number;
  readonly event: number;
}

interface Flavor {
  readonly name: string;
  gp: GracePeriod | undefined;
  expedited: GracePeriod | undefined;
  requestNs: number | null;
  /** Preempted readers on the blocked list, by tid (R2.8, R2.9). */
  readonly readers: Map<number, Reader>;
  /** CPUs of the leaf whose quiescent state is owed: holdouts by CPU. */
  readonly owed: Map<number, Holdout>;
  leafLevel: number;
}

/** Ordinary quiescent-state delays are no facts worth a row. */
const SHORTEST_BLOCKER_NS = 1e7;
const SHORTEST_STALL_NS = 3e9;
/** Enough for 300 s, the longest timeout, at HZ=250 on one CPU; later ticks only repeat the answer. */
const TICKS_KEPT = 65536;

/** Finished grace periods kept for blame; older ones are forgotten (their time becomes `unknown`, W4.43). */
const KEPT = 4096;

export class RcuModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  readonly #flavors = new Map<string, Flavor>();
  /** Grace periods in order of their start; the open ones are the last of their flavour. */
  readonly periods: GracePeriod[] = [];
  /** Grace periods that lasted long enough to matter for a verdict; never dropped, because they are few by definition. */
  readonly slow: GracePeriod[] = [];
  #slowNs = 1e9;

  constructor(world: World, cpus: CpuModel, tasks: TaskModel) {
    this.#world = world;
    this.#cpus = cpus;
    this.#tasks = tasks;
    cpus.onTick = (cpu, nowNs) => this.#ticked(cpu, nowNs);
  }

  /** The flavour whose grace periods normal synchronize_rcu() waits for. */
  get mainFlavor(): string {
    return (
      this.#flavors.keys().next().value ?? (this.#world.profile.preemptRcu === false ? 'rcu_sched' : 'rcu_preempt')
    );
  }

  /** Only a tick can notice a stall (R2.41); the shortest possible timeout is 3 s (R2.40). */
  #ticked(cpu: number, nowNs: number): void {
    for (const flavor of this.#flavors.values()) {
      const gp = flavor.gp;
      if (!gp || nowNs - gp.startNs < SHORTEST_STALL_NS || gp.ticks.length >= TICKS_KEPT) continue;
      gp.ticks.push({ cpu, ns: nowNs, owes: flavor.owed.has(cpu) });
    }
  }

  /** Grace period in flight, per flavour. */
  open(): GracePeriod[] {
    return [...this.#flavors.values()].flatMap((flavor) => flavor.gp ?? []);
  }

  subscribe(type: EventType): EventHandler | undefined {
    if (type.shape !== 'tracepoint') return undefined;
    switch (type.name) {
      case 'rcu_grace_period':
        return (event) => this.#gracePeriod(event);
      case 'rcu_grace_period_init':
        return (event) => this.#init(event);
      case 'rcu_quiescent_state_report':
        return (event) => this.#report(event);
      case 'rcu_preempt_task':
        return (event) => this.#preempted(event);
      case 'rcu_unlock_preempted_task':
        return (event) => this.#unlocked(event);
      case 'rcu_exp_grace_period':
        return (event) => this.#expedited(event);
      case 'rcu_stall_warning':
        return (event) => this.#warned(event);
      case 'sched_switch':
        return (event) => this.#switched(event);
      default:
        return undefined;
    }
  }

  #flavor(name: string): Flavor {
    let flavor = this.#flavors.get(name);
    if (!flavor) {
      flavor = {
        name,
        gp: undefined,
        expedited: undefined,
        requestNs: null,
        readers: new Map(),
        owed: new Map(),
        leafLevel: 0,
      };
      this.#flavors.set(name, flavor);
      this.#world.learn('preemptRcu', name === 'rcu_preempt');
    }
    return flavor;
  }

  #gracePeriod(event: EventCursor): void {
    // Most of these events are per-CPU bookkeeping (cpustart, cpuqs, AccWaitCB …); five strings drive the state machine (MODEL 1.2).
    switch (event.text(2)) {
      case 'start':
        this.#start(this.#flavor(event.text(0)), event);
        break;
      case 'end':
        this.#end(this.#flavor(event.text(0)), event);
        break;
      case 'newreq': {
        const flavor = this.#flavor(event.text(0));
        flavor.requestNs ??= event.tsNs;
        break;
      }
      default:
    }
  }

  #start(flavor: Flavor, event: EventCursor): void {
    if (flavor.gp) {
      flavor.gp.endInferred = true;
      flavor.gp.censored = flavor.gp.gapsAtStart !== this.#world.lostMarkers;
      this.#close(flavor, event.tsNs, event.eventId);
    }
    const gp: GracePeriod = {
      flavor: flavor.name,
      seq: event.int(1),
      expedited: false,
      requestNs: flavor.requestNs,
      startNs: event.tsNs,
      startEvent: event.eventId,
      initDoneNs: null,
      lastReportNs: null,
      endNs: null,
      endEvent: 0,
      endInferred: false,
      gapsAtStart: this.#world.lostMarkers,
      ticks: [],
      holdouts: [],
    };
    flavor.requestNs = null;
    flavor.gp = gp;
    this.periods.push(gp);
    if (this.periods.length > KEPT * 2) this.periods.splice(0, KEPT);
  }

  #end(flavor: Flavor, event: EventCursor): void {
    if (!flavor.gp || flavor.gp.seq !== event.int(1)) return; // began before the capture, or lost events in between
    this.#close(flavor, event.tsNs, event.eventId);
  }

  #close(flavor: Flavor, nowNs: number, eventId: number): void {
    const gp = flavor.gp as GracePeriod;
    for (const holdout of flavor.owed.values()) this.#settle(holdout, nowNs, eventId);
    flavor.owed.clear();
    for (const holdout of gp.holdouts) if (holdout.toNs === null) this.#settle(holdout, nowNs, eventId);
    gp.endNs = nowNs;
    gp.endEvent = eventId;
    flavor.gp = undefined;
    this.#emit(gp);
  }

  #emit(gp: GracePeriod): void {
    const end = gp.endNs ?? this.#world.nowNs;
    if (end - gp.startNs >= this.#slowNs) this.slow.push(gp);
    if (gp.endNs !== null && gp.seq !== null)
      this.#world.facts.sample(gp.expedited ? 'rcu-gp-expedited' : 'rcu-gp', gp.flavor, gp.endNs - gp.startNs);
    for (const holdout of gp.holdouts) this.#blocker(gp, holdout);
    this.#world.facts.gracePeriod({
      flavor: gp.flavor,
      gpSeq: gp.seq === null ? null : String(gp.seq),
      expedited: gp.expedited,
      requestNs: gp.requestNs,
      startNs: gp.startNs,
      initDoneNs: gp.initDoneNs,
      lastReportNs: gp.lastReportNs,
      endNs: gp.endNs,
      confidence: gp.endInferred ? 'inferred' : 'observed',
      holdouts: lastHoldouts(gp)
        .map((holdout) => holdout.name)
        .join(' '),
    });
  }

  #blocker(gp: GracePeriod, holdout: Holdout): void {
    const endNs = holdout.toNs ?? this.#world.nowNs;
    if (endNs - holdout.fromNs < SHORTEST_BLOCKER_NS) return;
    const spent = (kind: number): number =>
      Math.round((holdout.occupancyTo?.[kind] ?? holdout.occupancyFrom[kind]) - holdout.occupancyFrom[kind]);
    this.#world.facts.rcuBlocker({
      flavor: gp.flavor,
      gpSeq: gp.seq === null ? null : String(gp.seq),
      cpu: holdout.cpu,
      tid: holdout.kind === 'reader' ? holdout.tid : null,
      comm: holdout.kind === 'reader' ? holdout.name.slice(0, holdout.name.lastIndexOf(':')) : null,
      startNs: holdout.fromNs,
      endNs: holdout.toNs,
      nmiNs: spent(OCC_NMI),
      hardirqNs: spent(OCC_HARDIRQ),
      softirqNs: spent(OCC_SOFTIRQ),
      cause: judgeHoldout(holdout, this.#cpus.visibility()).cause,
    });
  }

  /** One record per rcu_node; a leaf's mask names the CPUs that owe a quiescent state, bit = cpu − grplo. */
  #init(event: EventCursor): void {
    const flavor = this.#flavor(event.text(0));
    const gp = flavor.gp;
    if (!gp || gp.seq !== event.int(1)) return;
    const level = event.int(2);
    flavor.leafLevel = Math.max(flavor.leafLevel, level);
    gp.initDoneNs = event.tsNs;
    if (level < flavor.leafLevel) return;
    const low = event.int(3);
    const high = event.int(4);
    for (const cpu of maskCpus(event, 5, low)) {
      const holdout = this.#holdout('cpu', cpu, -1, `cpu ${cpu}`, event);
      flavor.owed.set(cpu, holdout);
      gp.holdouts.push(holdout);
    }
    for (const reader of flavor.readers.values()) {
      if (reader.cpu >= low && reader.cpu <= high) this.#addReader(gp, reader, event);
    }
  }

  #holdout(kind: 'cpu' | 'reader', cpu: number, tid: number, name: string, event: EventCursor, task?: Task): Holdout {
    return {
      kind,
      cpu,
      tid,
      name,
      fromNs: event.tsNs,
      fromEvent: event.eventId,
      toNs: null,
      toEvent: 0,
      occupancyFrom: this.#cpus.snapshot(cpu, event.tsNs),
      occupancyTo: undefined,
      timesFrom: task ? this.#tasks.timesAt(task, event.tsNs) : undefined,
      timesTo: undefined,
      ran: new Map(),
      ticksFrom: this.#cpus.get(cpu).ticks,
      ticks: 0,
    };
  }

  #addReader(gp: GracePeriod, reader: Reader, event: EventCursor): void {
    const task = this.#tasks.get(reader.tid, reader.cpu);
    gp.holdouts.push(this.#holdout('reader', reader.cpu, reader.tid, this.#tasks.label(task), event, task));
    gp.blockedReaders = true;
  }

  #settle(holdout: Holdout, nowNs: number, eventId: number): void {
    if (holdout.toNs !== null) return;
    holdout.toNs = nowNs;
    holdout.toEvent = eventId;
    holdout.occupancyTo = this.#cpus.snapshot(holdout.cpu, nowNs);
    holdout.ticks = this.#cpus.get(holdout.cpu).ticks - holdout.ticksFrom;
    if (holdout.kind === 'reader') {
      const task = this.#tasks.find(holdout.tid);
      if (task) holdout.timesTo = this.#tasks.timesAt(task, nowNs);
    }
    this.#bookRunning(holdout, nowNs);
  }

  /** Books the running task's time since the later of the holdout's begin and the last switch. */
  #bookRunning(holdout: Holdout, nowNs: number): void {
    const state = this.#cpus.get(holdout.cpu);
    if (state.tid <= 0) return;
    const task = this.#tasks.get(state.tid, holdout.cpu);
    const label = this.#tasks.label(task);
    const sinceNs = Math.max(holdout.fromNs, task.state === TASK_RUNNING ? task.sinceNs : holdout.fromNs);
    holdout.ran.set(label, (holdout.ran.get(label) ?? 0) + Math.max(0, nowNs - sinceNs));
  }

  #switched(event: EventCursor): void {
    const tid = event.int(1);
    if (tid > 0) {
      for (const flavor of this.#flavors.values()) {
        const holdout = flavor.owed.get(event.cpu);
        if (holdout) this.#bookSwitch(holdout, event, tid);
        if (flavor.gp?.blockedReaders) {
          for (const reader of flavor.gp.holdouts) {
            if (reader.kind === 'reader' && reader.toNs === null && reader.cpu === event.cpu)
              this.#bookSwitch(reader, event, tid);
          }
        }
      }
    }
    this.#switchedInNs[event.cpu] = event.tsNs;
  }

  #bookSwitch(holdout: Holdout, event: EventCursor, tid: number): void {
    const label = `${event.text(0)}:${tid}`;
    const sinceNs = Math.max(holdout.fromNs, this.#switchedInNs[event.cpu] ?? holdout.fromNs);
    holdout.ran.set(label, (holdout.ran.get(label) ?? 0) + event.tsNs - sinceNs);
  }

  readonly #switchedInNs: number[] = [];

  #report(event: EventCursor): void {
    const flavor = this.#flavor(event.text(0) === 'preempt_rcu' ? 'rcu_preempt' : event.text(0));
    const gp = flavor.gp;
    if (!gp || gp.seq !== event.int(1)) return;
    gp.lastReportNs = event.tsNs;
    if (event.int(4) < flavor.leafLevel) return;
    for (const cpu of maskCpus(event, 2, event.int(5))) {
      const holdout = flavor.owed.get(cpu);
      if (!holdout) continue;
      this.#settle(holdout, event.tsNs, event.eventId);
      flavor.owed.delete(cpu);
    }
  }

  #preempted(event: EventCursor): void {
    const flavor = this.#flavor(event.text(0));
    const tid = event.int(2);
    const reader: Reader = { tid, cpu: event.cpu, queuedNs: event.tsNs, event: event.eventId };
    flavor.readers.set(tid, reader);
    // State bits in the printed sequence: the CPU still owed its quiescent state, so the task blocks this grace period (E1.5).
    const gp = flavor.gp;
    const seq = event.int(1);
    if (gp && seq === gp.seq && (seq & 3) !== 0) this.#addReader(gp, reader, event);
  }

  #unlocked(event: EventCursor): void {
    const name = event.text(0);
    const tid = event.int(2);
    if (name.endsWith('-GPS')) {
      // An announcement, not an unlock (T8): the leaf holds at least this old reader.
      const flavor = this.#flavor(name.slice(0, -4));
      if (flavor.readers.has(tid)) return;
      const task = this.#tasks.get(tid, event.cpu);
      const reader: Reader = { tid, cpu: task.cpu < 0 ? event.cpu : task.cpu, queuedNs: -1, event: event.eventId };
      flavor.readers.set(tid, reader);
      return;
    }
    const flavor = this.#flavor(name);
    flavor.readers.delete(tid);
    const gp = flavor.gp;
    if (!gp) return;
    for (const holdout of gp.holdouts) {
      if (holdout.kind === 'reader' && holdout.tid === tid) this.#settle(holdout, event.tsNs, event.eventId);
    }
  }

  /** Expedited grace periods: `start` and `end` by the worker; who holds them up is in the stall text only (R2.47). */
  #expedited(event: EventCursor): void {
    const flavor = this.#flavor(event.text(0));
    const gpevent = event.text(2);
    if (gpevent === 'start') {
      flavor.expedited = {
        flavor: flavor.name,
        seq: event.int(1),
        expedited: true,
        requestNs: null,
        startNs: event.tsNs,
        startEvent: event.eventId,
        initDoneNs: null,
        lastReportNs: null,
        endNs: null,
        endEvent: 0,
        endInferred: false,
        gapsAtStart: this.#world.lostMarkers,
        ticks: [],
        holdouts: [],
      };
      this.periods.push(flavor.expedited);
    } else if (gpevent === 'end' && flavor.expedited) {
      flavor.expedited.endNs = event.tsNs;
      flavor.expedited.endEvent = event.eventId;
      this.#emit(flavor.expedited);
      flavor.expedited = undefined;
    }
  }

  #warned(event: EventCursor): void {
    const gp = this.#flavor(event.text(0)).gp;
    if (!gp || event.text(1) === 'ExpeditedStall') return;
    gp.warnedNs ??= event.tsNs;
    gp.warnedEvent ??= event.eventId;
  }

  /** Marks the grace period in flight as warned about by the kernel's log (`g=` and the time decide which). */
  markWarned(flavorName: string, gpSeq: string | undefined, tsNs: number): GracePeriod | undefined {
    const gp = this.periods.findLast(
      (period) =>
        period.flavor === flavorName &&
        (gpSeq === undefined || String(period.seq) === gpSeq) &&
        period.startNs <= tsNs &&
        (period.endNs === null || period.endNs >= tsNs || gpSeq !== undefined),
    );
    if (gp) gp.warnedNs ??= tsNs;
    return gp;
  }

  /** A grace period that other events imply; the capture has no rcu:* events. */
  addInferred(gp: GracePeriod): void {
    this.periods.push(gp);
    this.#emit(gp);
  }

  finish(endNs: number): void {
    for (const flavor of this.#flavors.values()) {
      const gp = flavor.gp;
      if (!gp) continue;
      gp.censored = gp.gapsAtStart !== this.#world.lostMarkers;
      for (const holdout of gp.holdouts) {
        if (holdout.toNs === null) {
          holdout.occupancyTo = this.#cpus.snapshot(holdout.cpu, endNs);
          holdout.ticks = this.#cpus.get(holdout.cpu).ticks - holdout.ticksFrom;
          this.#bookRunning(holdout, endNs);
          const task = this.#tasks.find(holdout.tid);
          if (task) holdout.timesTo = this.#tasks.timesAt(task, endNs);
        }
      }
      this.#emit(gp);
    }
  }
}

/** CPUs of a node mask: bit i is CPU low + i. A node has at most 64 CPUs. */
function maskCpus(event: EventCursor, field: number, low: number): number[] {
  const cpus: number[] = [];
  let mask = BigInt.asUintN(64, event.bigint(field));
  for (let cpu = low; mask !== 0n; cpu++, mask >>= 1n) if (mask & 1n) cpus.push(cpu);
  return cpus;
}
