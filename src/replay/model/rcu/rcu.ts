/**
 * RCU grace periods of each flavour, from the rcu:* events (MODEL §2): life of each grace period, which CPUs and which
 * preempted readers it waited for, and what those CPUs were doing meanwhile.
 *
 * Sequence numbers are kernel gp_seq values with state bits; `start` and `end` of one grace period print the same value (T2).
 */
import { type EventCursor, type EventType, fieldsOf, knownName } from '../../../../schema/index.ts';
import type { EventHandler, Model, World } from '../../core/world.ts';
import { gracePeriodFloorNs, stallTickFloorNs } from '../../knowledge/collection-floors.ts';
import type { CpuModel } from '../cpu/cpu.ts';
import { TextCodes } from '../cpu/text-codes.ts';
import type { TaskModel } from '../task/task.ts';
import { noteBoost, noteReturnToUser } from './blocked-reader.ts';
import { ExpeditedGracePeriods } from './expedited.ts';
import { type BlockedReader, type Contradiction, type EarlyReport, newFlavor, type RcuFlavor } from './flavor.ts';
import { type GracePeriod, type Holdout, heldUntilNs, newGracePeriod } from './grace-period.ts';
import { emitGracePeriod } from './grace-period-facts.ts';
import { GracePeriodHistory } from './grace-period-history.ts';
import { HoldoutAccounting } from './holdout/accounting.ts';
import { maskCpus } from './node-tree.ts';
import { readWarning, type StallWarning } from './stall-warning.ts';
import { noteTick, noteWarning } from './stall-watch.ts';

export type { BlockedReader, RcuFlavor } from './flavor.ts';

const PERIOD = fieldsOf('rcu_grace_period');
const INIT = fieldsOf('rcu_grace_period_init');
const REPORT = fieldsOf('rcu_quiescent_state_report');
const READER = fieldsOf('rcu_preempt_task', 'rcu_unlock_preempted_task');
const SWITCH = fieldsOf('sched_switch');
const SETPRIO = fieldsOf('sched_pi_setprio');
const WARNING = fieldsOf('rcu_stall_warning');
/** Every event that names its flavour names it first. */
const FLAVOR = fieldsOf(
  'rcu_grace_period',
  'rcu_grace_period_init',
  'rcu_quiescent_state_report',
  'rcu_preempt_task',
  'rcu_unlock_preempted_task',
  'rcu_exp_grace_period',
  'rcu_stall_warning',
);

/** Clocks of CPUs may disagree by that much before an order is taken for wrong (E0.5). */
const SKEW_NS = 1e5;
const EARLY_KEPT = 64;

const CONTRADICTIONS_KEPT = 64;
const WARNINGS_KEPT = 1024;

/**
 * Strings of rcu_grace_period that drive the state machine (MODEL 1.2); the others are per-CPU bookkeeping or the kthread's sleep.
 */
const GP_EVENTS = { start: 1, end: 2, newreq: 3, cpuqs: 4, cpuofl: 5, 'cpuofl-bgp': 5, fqsstart: 6 } as const;

export class RcuModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #tasks: TaskModel;
  readonly #accounting: HoldoutAccounting;
  readonly #expedited: ExpeditedGracePeriods;
  readonly #flavors = new Map<string, RcuFlavor>();
  readonly #flavorById: (RcuFlavor | undefined)[] = [];
  readonly #gpEvents = new TextCodes(GP_EVENTS);
  readonly history: GracePeriodHistory;
  /** The first ones. */
  readonly contradictions: Contradiction[] = [];
  contradictionCount = 0;
  /** rcu_stall_warning events, the first ones. */
  readonly warnings: StallWarning[] = [];
  /** First rcu_grace_period event. */
  firstEvent = 0;

  constructor(world: World, cpus: CpuModel, tasks: TaskModel) {
    this.#world = world;
    this.#cpus = cpus;
    this.#tasks = tasks;
    this.history = new GracePeriodHistory(gracePeriodFloorNs(world.thresholds));
    this.#accounting = new HoldoutAccounting(cpus, tasks);
    this.#expedited = new ExpeditedGracePeriods(world, cpus, this.#accounting, this.history, {
      addReader: (flavor, gp, reader, event) => this.#addReader(flavor, gp, reader, event),
      settle: (flavor, holdout, nowNs, eventId) => this.#settle(flavor, holdout, nowNs, eventId),
      emit: (gp) => this.#emit(gp),
    });
    const tickFloorNs = stallTickFloorNs(world.thresholds);
    cpus.listeners.push({
      onTick: (cpu, nowNs, event) => {
        for (const flavor of this.#flavors.values()) noteTick(flavor, tickFloorNs, cpus.count, cpu, nowNs, event);
      },
      onQuiescent: (cpu, nowNs, event) => this.#quiescent(cpu, nowNs, event),
      onWatching: (cpu) => this.#watching(cpu),
    });
  }

  /** The flavour whose grace periods normal synchronize_rcu() waits for. */
  get mainFlavor(): string {
    return (
      this.#flavors.keys().next().value ?? (this.#world.profile.preemptRcu === false ? 'rcu_sched' : 'rcu_preempt')
    );
  }

  /** The CPU is idle, or in user mode of a nohz_full CPU: the kthread will find its quiescent state (R2.5 b). */
  #quiescent(cpu: number, nowNs: number, event: number): void {
    for (const flavor of this.#flavors.values()) {
      const holdout = flavor.pending.get(cpu);
      if (holdout && holdout.passedNs === null) this.#accounting.pass(holdout, 'eqs', nowNs, event);
      this.#expedited.passed(flavor, cpu, nowNs, event);
    }
  }

  /**
   * The kthread compares the CPU's state at its first scan and later (rcu_watching_snap_save, rcu_watching_snap_recheck): who was idle before and no
   * longer is has a quiescent state pending again. Where events were lost the scan may be among them.
   */
  #watching(cpu: number): void {
    for (const { gp, pending } of this.#flavors.values()) {
      const holdout = pending.get(cpu);
      if (holdout?.passedBy !== 'eqs' || gp?.scannedNs !== undefined) continue;
      if (gp?.gapsAtStart === this.#world.lostMarkers) this.#accounting.reopen(holdout);
    }
  }

  /** Grace periods of the main flavour that ended after `sinceNs` or are open, by start. */
  overlapping(sinceNs: number): GracePeriod[] {
    return this.history.overlapping(this.mainFlavor, sinceNs);
  }

  /** Live state of a snapshot, by name in the order of first sight. */
  get flavors(): Map<string, RcuFlavor> {
    return this.#flavors;
  }

  /** Grace period in flight, per flavour. */
  open(): GracePeriod[] {
    return [...this.#flavors.values()].flatMap((flavor) => flavor.gp ?? []);
  }

  subscribe(type: EventType): EventHandler | undefined {
    if ((type.shape === 'syscall' && /^sys_exit_/.test(type.name)) || type.name === 'sys_exit')
      return (event) => {
        for (const flavor of this.#flavors.values()) noteReturnToUser(flavor, event.tid, event.tsNs, event.eventId);
      };
    switch (knownName(type)) {
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
        return (event) => this.#expedited.event(this.#flavor(event), event);
      case 'call_function_single_entry':
      case 'call_function_entry':
        return (event) => {
          for (const flavor of this.#flavors.values()) this.#expedited.asked(flavor, event.cpu, event);
        };
      case 'rcu_stall_warning':
        return (event) => {
          const flavor = this.#flavor(event);
          noteWarning(flavor, event);
          const warning = readWarning(flavor.name, event.text(WARNING.msg), event);
          if (warning && this.warnings.length < WARNINGS_KEPT) this.warnings.push(warning);
        };
      case 'sched_switch':
        return (event) => this.#switched(event);
      case 'sched_pi_setprio':
        return (event) => {
          for (const flavor of this.#flavors.values())
            noteBoost(flavor, event.int(SETPRIO.pid), event.int(SETPRIO.newprio), event.tsNs);
        };
      default:
        return undefined;
    }
  }

  #flavor(event: EventCursor): RcuFlavor {
    const id = event.str(FLAVOR.rcuname);
    let flavor = this.#flavorById[id];
    if (flavor) return flavor;
    // `preempt_rcu` reports for the readers of a node, `…-GPS` announces them (R2.10, E1.3).
    const text = event.text(FLAVOR.rcuname);
    const name = text === 'preempt_rcu' ? 'rcu_preempt' : text.replace(/-GPS$/, '');
    flavor = this.#flavors.get(name);
    if (!flavor) {
      flavor = newFlavor(name);
      this.#flavors.set(name, flavor);
      this.#world.learn('preemptRcu', name === 'rcu_preempt');
    }
    this.#flavorById[id] = flavor;
    return flavor;
  }

  #gracePeriod(event: EventCursor): void {
    this.firstEvent ||= event.eventId;
    switch (this.#gpEvents.of(event, PERIOD.gpevent)) {
      case GP_EVENTS.start:
        this.#start(this.#flavor(event), event);
        break;
      case GP_EVENTS.end:
        this.#end(this.#flavor(event), event);
        break;
      case GP_EVENTS.newreq: {
        const flavor = this.#flavor(event);
        flavor.requestNs ??= event.tsNs;
        break;
      }
      case GP_EVENTS.cpuqs: {
        const flavor = this.#flavor(event);
        const holdout = flavor.pending.get(event.cpu);
        if (holdout && holdout.passedNs === null && flavor.gp?.seq === event.int(PERIOD.gp_seq))
          this.#accounting.pass(holdout, 'itself', event.tsNs, event.eventId);
        break;
      }
      case GP_EVENTS.fqsstart: {
        const { gp } = this.#flavor(event);
        if (gp?.seq === event.int(PERIOD.gp_seq)) gp.scannedNs ??= event.tsNs;
        break;
      }
      case GP_EVENTS.cpuofl: {
        const holdout = this.#flavor(event).pending.get(event.cpu);
        if (holdout) holdout.offlineNs ??= event.tsNs;
        break;
      }
      default:
    }
  }

  #start(flavor: RcuFlavor, event: EventCursor): void {
    if (flavor.gp) {
      flavor.gp.endInferred = true;
      flavor.gp.censored = flavor.gp.gapsAtStart !== this.#world.lostMarkers;
      this.#close(flavor, flavor.gp, event);
    }
    const gp = newGracePeriod({
      flavor: flavor.name,
      seq: event.int(PERIOD.gp_seq),
      expedited: false,
      requestNs: flavor.requestNs,
      startNs: event.tsNs,
      startEvent: event.eventId,
      gapsAtStart: this.#world.lostMarkers,
    });
    const seq = event.int(PERIOD.gp_seq);
    if (flavor.lastSeq !== undefined && seq < flavor.lastSeq) {
      // Another boot, or another machine's recording (R2.14): its readers are others.
      this.#contradicts(gp, event, `the counter went back from ${flavor.lastSeq} to ${seq}`);
      flavor.readers.clear();
      flavor.blocking.clear();
    }
    flavor.lastSeq = seq;
    flavor.requestNs = null;
    flavor.gp = gp;
    flavor.nodes.forget();
    this.history.add(gp);
  }

  #end(flavor: RcuFlavor, event: EventCursor): void {
    const gp = flavor.gp;
    if (!gp || gp.seq !== event.int(PERIOD.gp_seq)) return; // began before the capture, or lost events in between
    for (const cpu of flavor.nodes.pending()) this.#contradicts(gp, event, `ended while CPU ${cpu} had not reported`);
    this.#close(flavor, gp, event);
  }

  #contradicts(gp: GracePeriod, event: EventCursor, what: string): void {
    this.contradictionCount++;
    if (this.contradictions.length < CONTRADICTIONS_KEPT)
      this.contradictions.push({ gpSeq: gp.seq ?? 0, event: event.eventId, what });
  }

  #close(flavor: RcuFlavor, gp: GracePeriod, event: EventCursor): void {
    for (const holdout of gp.holdouts) {
      // No grace period ends before its readers (R2.4): the unlock was not recorded.
      if (holdout.kind === 'reader' && holdout.toNs === null) {
        flavor.readers.delete(holdout.tid);
        this.#contradicts(gp, event, `ended before its reader ${holdout.name} was seen to leave`);
      }
      this.#settle(flavor, holdout, event.tsNs, event.eventId);
    }
    flavor.pending.clear();
    gp.endNs = event.tsNs;
    gp.endEvent = event.eventId;
    flavor.gp = undefined;
    this.#emit(gp);
  }

  #emit(gp: GracePeriod): void {
    this.history.ended(gp, gp.endNs ?? this.#world.nowNs);
    emitGracePeriod(this.#world, gp, this.#cpus.visibility());
  }

  /** One record per rcu_node; a leaf's mask names the CPUs with a quiescent state pending, bit = cpu − grplo. */
  #init(event: EventCursor): void {
    const flavor = this.#flavor(event);
    const gp = flavor.gp;
    if (!gp || gp.seq !== event.int(INIT.gp_seq)) return;
    const level = event.int(INIT.level);
    const low = event.int(INIT.grplo);
    const high = event.int(INIT.grphi);
    const mask = event.bigint(INIT.qsmask);
    gp.initDoneNs = event.tsNs;
    if (flavor.nodes.init(level, low, high, mask)) {
      // The first capture of a deeper tree: the nodes above were no leaves.
      flavor.pending.clear();
      gp.holdouts.length = 0;
      flavor.blocking.clear();
    }
    if (level < flavor.nodes.leafLevel) {
      this.#takeEarly(flavor, gp, level, low, event);
      return;
    }
    for (const cpu of maskCpus(mask, low)) {
      const holdout = this.#accounting.cpu(cpu, event.tsNs, event.eventId);
      flavor.pending.set(cpu, holdout);
      gp.holdouts.push(holdout);
    }
    for (const reader of flavor.readers.values()) {
      if (reader.cpu >= low && reader.cpu <= high) this.#addReader(flavor, gp, reader, event);
    }
    this.#takeEarly(flavor, gp, level, low, event);
  }

  #addReader(flavor: RcuFlavor, gp: GracePeriod, reader: BlockedReader, event: EventCursor): void {
    const holdout = this.#accounting.reader(reader.tid, reader.cpu, event.tsNs, event.eventId, reader.event);
    gp.holdouts.push(holdout);
    gp.blockedReaders = true;
    const blocking = flavor.blocking.get(reader.tid);
    if (blocking) blocking.push(holdout);
    else flavor.blocking.set(reader.tid, [holdout]);
  }

  #settle(flavor: RcuFlavor, holdout: Holdout, nowNs: number, eventId: number): void {
    this.#accounting.settle(holdout, nowNs, eventId);
    if (holdout.kind === 'cpu') return;
    const blocking = flavor.blocking.get(holdout.tid)?.filter((other) => other.toNs === null);
    if (!blocking?.length) flavor.blocking.delete(holdout.tid);
    else flavor.blocking.set(holdout.tid, blocking);
  }

  #switched(event: EventCursor): void {
    const tid = event.int(SWITCH.prev_pid);
    if (tid > 0) {
      for (const flavor of this.#flavors.values()) {
        const leaves = (holdout: Holdout): void =>
          this.#accounting.switchedOut(
            holdout,
            tid,
            event.str(SWITCH.prev_comm),
            event.int(SWITCH.prev_prio, 120),
            event.tsNs,
          );
        const holdout = flavor.pending.get(event.cpu);
        if (holdout) leaves(holdout);
        const expedited = flavor.expeditedPending.get(event.cpu);
        if (expedited) {
          leaves(expedited);
          this.#expedited.passed(flavor, event.cpu, event.tsNs, event.eventId);
        }
        if (flavor.blocking.size === 0) continue;
        for (const readers of flavor.blocking.values())
          for (const reader of readers) if (reader.cpu === event.cpu) leaves(reader);
      }
    }
    this.#accounting.switched(event.cpu, event.tsNs);
  }

  #report(event: EventCursor): void {
    const flavor = this.#flavor(event);
    const { gp, nodes } = flavor;
    const seq = event.int(REPORT.gp_seq);
    const report: EarlyReport = {
      seq,
      level: event.int(REPORT.level),
      low: event.int(REPORT.grplo),
      mask: BigInt.asUintN(64, event.bigint(REPORT.mask)),
      remainder: BigInt.asUintN(64, event.bigint(REPORT.qsmask)),
      tsNs: event.tsNs,
      event: event.eventId,
    };
    if (gp?.seq !== seq || !nodes.has(report.level, report.low)) {
      if (gp?.seq == null || gp.seq <= seq) {
        flavor.early ??= [];
        flavor.early.push(report);
        if (flavor.early.length > EARLY_KEPT) flavor.early.shift();
      }
      return;
    }
    const contradiction = this.#clear(flavor, gp, report, event);
    if (contradiction) this.#reconcile(flavor, event, report.low, event.int(REPORT.grphi), report.remainder);
  }

  /** Clears the reported bits. @returns whether they contradict the masks */
  #clear(flavor: RcuFlavor, gp: GracePeriod, report: EarlyReport, event: EventCursor): boolean {
    gp.lastReportNs = event.tsNs;
    const contradiction = flavor.nodes.report(report.level, report.low, report.mask, report.remainder);
    if (contradiction) this.#contradicts(gp, event, contradiction);
    if (report.level < flavor.nodes.leafLevel) return contradiction !== '';
    for (const cpu of maskCpus(report.mask, report.low)) {
      const holdout = flavor.pending.get(cpu);
      if (!holdout) continue;
      this.#settle(flavor, holdout, event.tsNs, report.event);
      flavor.pending.delete(cpu);
    }
    return contradiction !== '';
  }

  /** Reports of this node that came before its masks, within what clocks may differ by. */
  #takeEarly(flavor: RcuFlavor, gp: GracePeriod, level: number, low: number, event: EventCursor): void {
    if (!flavor.early?.length) return;
    const mine = flavor.early.filter((report) => report.seq === gp.seq && report.level === level && report.low === low);
    for (const report of mine) if (event.tsNs - report.tsNs <= SKEW_NS) this.#clear(flavor, gp, report, event);
    flavor.early = flavor.early.filter((report) => !mine.includes(report) && report.seq >= (gp.seq as number));
  }

  /** Reports of other CPUs were not recorded: the printed remainder tells who is done. */
  #reconcile(flavor: RcuFlavor, event: EventCursor, low: number, high: number, remainder: bigint): void {
    const left = new Set(maskCpus(remainder, low));
    for (const [cpu, holdout] of flavor.pending) {
      if (cpu < low || cpu > high || left.has(cpu)) continue;
      this.#settle(flavor, holdout, event.tsNs, event.eventId);
      flavor.pending.delete(cpu);
    }
  }

  #preempted(event: EventCursor): void {
    const flavor = this.#flavor(event);
    const tid = event.int(READER.pid);
    const reader: BlockedReader = { tid, cpu: event.cpu, event: event.eventId };
    flavor.readers.set(tid, reader);
    // State bits in the printed sequence: the CPU's quiescent state was pending, so the task blocks this grace period (E1.5).
    const { gp, expedited } = flavor;
    const seq = event.int(READER.gp_seq);
    if (gp && seq === gp.seq && (seq & 3) !== 0) this.#addReader(flavor, gp, reader, event);
    // Whom the expedited one has selected, it waits for until the CPU switches; readers of other CPUs are none of its own (rcu_preempt_ctxt_queue).
    if (expedited && (expedited.initDoneNs === null || flavor.expeditedPending.has(event.cpu)))
      this.#addReader(flavor, expedited, reader, event);
  }

  #unlocked(event: EventCursor): void {
    const tid = event.int(READER.pid);
    const flavor = this.#flavor(event);
    if (event.text(READER.rcuname).endsWith('-GPS')) {
      // An announcement, not an unlock (T8): the leaf holds at least this old reader.
      if (flavor.readers.has(tid)) return;
      const task = this.#tasks.get(tid, event.cpu);
      flavor.readers.set(tid, { tid, cpu: task.cpu < 0 ? event.cpu : task.cpu, event: event.eventId });
      return;
    }
    flavor.readers.delete(tid);
    for (const holdout of flavor.blocking.get(tid) ?? []) this.#settle(flavor, holdout, event.tsNs, event.eventId);
  }

  /** A grace period that other events imply; the capture has no rcu:* events. */
  addInferred(gp: GracePeriod): void {
    this.history.add(gp);
    this.#emit(gp);
  }

  finish(endNs: number): void {
    for (const flavor of this.#flavors.values()) {
      for (const gp of [flavor.gp, flavor.expedited]) {
        if (!gp) continue;
        gp.censored = gp.gapsAtStart !== this.#world.lostMarkers;
        for (const holdout of gp.holdouts) if (heldUntilNs(holdout) === null) this.#accounting.close(holdout, endNs);
        this.#emit(gp);
      }
    }
  }
}
