/**
 * RCU grace periods of each flavour, from the rcu:* events (MODEL §2): life of each grace period, which CPUs and which
 * preempted readers it waited for, and what those CPUs were doing while it waited.
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
import { BlockingReaders } from './blocking-readers.ts';
import { Contradictions } from './contradictions.ts';
import { CpuHoldouts } from './cpu-holdouts.ts';
import { ExpeditedGracePeriods } from './expedited.ts';
import { type Contradiction, type RcuFlavor, RcuFlavors } from './flavor.ts';
import { type GracePeriod, heldUntilNs, newGracePeriod } from './grace-period.ts';
import { emitGracePeriod } from './grace-period-facts.ts';
import { GracePeriodHistory } from './grace-period-history.ts';
import { HoldoutAccounting } from './holdout/accounting.ts';
import { maskCpus } from './node-tree.ts';
import { QuiescentReports } from './quiescent-reports.ts';
import { readWarning, type StallWarning } from './stall-warning.ts';
import { noteTick, noteWarning } from './stall-watch.ts';

export type { RcuFlavor } from './flavor.ts';

const PERIOD = fieldsOf('rcu_grace_period');
const INIT = fieldsOf('rcu_grace_period_init');
const SETPRIO = fieldsOf('sched_pi_setprio');
const WARNING = fieldsOf('rcu_stall_warning');
const WARNINGS_KEPT = 1024;

/**
 * Strings of rcu_grace_period that drive the state machine (MODEL 1.2); the others are per-CPU bookkeeping or the kthread's sleep.
 */
const GP_EVENTS = { start: 1, end: 2, newreq: 3, cpuqs: 4, cpuofl: 5, 'cpuofl-bgp': 5, fqsstart: 6 } as const;

export class RcuModel implements Model {
  readonly #world: World;
  readonly #cpus: CpuModel;
  readonly #accounting: HoldoutAccounting;
  readonly #readers: BlockingReaders;
  readonly #cpuHoldouts: CpuHoldouts;
  readonly #reports: QuiescentReports;
  readonly #contradictions = new Contradictions();
  readonly #expedited: ExpeditedGracePeriods;
  readonly #flavors: RcuFlavors;
  readonly #gpEvents = new TextCodes(GP_EVENTS);
  readonly history: GracePeriodHistory;
  /** rcu_stall_warning events, the first ones. */
  readonly warnings: StallWarning[] = [];
  /** First rcu_grace_period event. */
  firstEvent = 0;

  constructor(world: World, cpus: CpuModel, tasks: TaskModel) {
    this.#world = world;
    this.#flavors = new RcuFlavors(world);
    this.#cpus = cpus;
    this.history = new GracePeriodHistory(gracePeriodFloorNs(world.thresholds));
    this.#accounting = new HoldoutAccounting(cpus, tasks);
    this.#readers = new BlockingReaders(tasks, this.#accounting);
    this.#reports = new QuiescentReports(this.#readers, this.#contradictions);
    this.#expedited = new ExpeditedGracePeriods(world, cpus, this.#accounting, this.history, {
      addReader: (flavor, gp, reader, event) => this.#readers.add(flavor, gp, reader, event),
      settle: (flavor, holdout, nowNs, eventId) => this.#readers.settle(flavor, holdout, nowNs, eventId),
      emit: (gp) => this.#emit(gp),
    });
    this.#cpuHoldouts = new CpuHoldouts(world, this.#flavors.byName, this.#accounting, this.#expedited);
    const tickFloorNs = stallTickFloorNs(world.thresholds);
    cpus.listeners.push({
      onTick: (cpu, nowNs, event) => {
        for (const flavor of this.#flavors.byName.values())
          noteTick(flavor, tickFloorNs, cpus.count, cpu, nowNs, event);
      },
      onQuiescent: (cpu, nowNs, event) => this.#cpuHoldouts.quiescent(cpu, nowNs, event),
      onWatching: (cpu) => this.#cpuHoldouts.watching(cpu),
    });
  }

  /** Records that do not fit, the first ones. */
  get contradictions(): readonly Contradiction[] {
    return this.#contradictions.first;
  }

  /** The flavour whose grace periods normal synchronize_rcu() waits for. */
  get mainFlavor(): string {
    return (
      this.#flavors.byName.keys().next().value ??
      (this.#world.profile.preemptRcu === false ? 'rcu_sched' : 'rcu_preempt')
    );
  }

  /** Grace periods of the main flavour that ended after `sinceNs` or are open, by start. */
  overlapping(sinceNs: number): GracePeriod[] {
    return this.history.overlapping(this.mainFlavor, sinceNs);
  }

  /** Live state of a snapshot, by name in the order of first sight. */
  get flavors(): Map<string, RcuFlavor> {
    return this.#flavors.byName;
  }

  /** Grace period in flight, per flavour. */
  open(): GracePeriod[] {
    return [...this.#flavors.byName.values()].flatMap((flavor) => flavor.gp ?? []);
  }

  subscribe(type: EventType): EventHandler | undefined {
    if ((type.shape === 'syscall' && /^sys_exit_/.test(type.name)) || type.name === 'sys_exit')
      return (event) => {
        for (const flavor of this.#flavors.byName.values())
          noteReturnToUser(flavor, event.tid, event.tsNs, event.eventId);
      };
    switch (knownName(type)) {
      case 'rcu_grace_period':
        return (event) => this.#gracePeriod(event);
      case 'rcu_grace_period_init':
        return (event) => this.#init(event);
      case 'rcu_quiescent_state_report':
        return (event) => this.#reports.report(this.#flavors.of(event), event);
      case 'rcu_preempt_task':
        return (event) => this.#readers.preempted(this.#flavors.of(event), event);
      case 'rcu_unlock_preempted_task':
        return (event) => this.#readers.unlocked(this.#flavors.of(event), event);
      case 'rcu_exp_grace_period':
        return (event) => this.#expedited.event(this.#flavors.of(event), event);
      case 'call_function_single_entry':
      case 'call_function_entry':
        return (event) => {
          for (const flavor of this.#flavors.byName.values()) this.#expedited.asked(flavor, event.cpu, event);
        };
      case 'rcu_stall_warning':
        return (event) => {
          const flavor = this.#flavors.of(event);
          noteWarning(flavor, event);
          const warning = readWarning(flavor.name, event.text(WARNING.msg), event);
          if (warning && this.warnings.length < WARNINGS_KEPT) this.warnings.push(warning);
        };
      case 'sched_switch':
        return (event) => this.#cpuHoldouts.switched(event);
      case 'sched_pi_setprio':
        return (event) => {
          for (const flavor of this.#flavors.byName.values())
            noteBoost(flavor, event.int(SETPRIO.pid), event.int(SETPRIO.newprio), event.tsNs);
        };
      default:
        return undefined;
    }
  }

  #gracePeriod(event: EventCursor): void {
    this.firstEvent ||= event.eventId;
    switch (this.#gpEvents.of(event, PERIOD.gpevent)) {
      case GP_EVENTS.start:
        this.#start(this.#flavors.of(event), event);
        break;
      case GP_EVENTS.end:
        this.#end(this.#flavors.of(event), event);
        break;
      case GP_EVENTS.newreq: {
        const flavor = this.#flavors.of(event);
        flavor.requestNs ??= event.tsNs;
        break;
      }
      case GP_EVENTS.cpuqs: {
        const flavor = this.#flavors.of(event);
        const holdout = flavor.pending.get(event.cpu);
        if (holdout && holdout.passedNs === null && flavor.gp?.seq === event.int(PERIOD.gp_seq))
          this.#accounting.pass(holdout, 'itself', event.tsNs, event.eventId);
        break;
      }
      case GP_EVENTS.fqsstart: {
        const { gp } = this.#flavors.of(event);
        if (gp?.seq === event.int(PERIOD.gp_seq)) gp.scannedNs ??= event.tsNs;
        break;
      }
      case GP_EVENTS.cpuofl: {
        const holdout = this.#flavors.of(event).pending.get(event.cpu);
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
      this.#contradictions.add(gp, event, `the counter went back from ${flavor.lastSeq} to ${seq}`);
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
    for (const cpu of flavor.nodes.pending())
      this.#contradictions.add(gp, event, `ended while CPU ${cpu} had not reported`);
    this.#close(flavor, gp, event);
  }

  #close(flavor: RcuFlavor, gp: GracePeriod, event: EventCursor): void {
    for (const holdout of gp.holdouts) {
      // No grace period ends before its readers (R2.4): the unlock was not recorded.
      if (holdout.kind === 'reader' && holdout.toNs === null) {
        flavor.readers.delete(holdout.tid);
        this.#contradictions.add(gp, event, `ended before its reader ${holdout.name} was seen to leave`);
      }
      this.#readers.settle(flavor, holdout, event.tsNs, event.eventId);
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
    const flavor = this.#flavors.of(event);
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
      this.#reports.takeEarly(flavor, gp, level, low, event);
      return;
    }
    for (const cpu of maskCpus(mask, low)) {
      const holdout = this.#accounting.cpu(cpu, event.tsNs, event.eventId);
      flavor.pending.set(cpu, holdout);
      gp.holdouts.push(holdout);
    }
    for (const reader of flavor.readers.values()) {
      if (reader.cpu >= low && reader.cpu <= high) this.#readers.add(flavor, gp, reader, event);
    }
    this.#reports.takeEarly(flavor, gp, level, low, event);
  }

  /** A grace period that other events imply; the capture has no rcu:* events. */
  addInferred(gp: GracePeriod): void {
    this.history.add(gp);
    this.#emit(gp);
  }

  finish(endNs: number): void {
    for (const flavor of this.#flavors.byName.values()) {
      for (const gp of [flavor.gp, flavor.expedited]) {
        if (!gp) continue;
        gp.censored = gp.gapsAtStart !== this.#world.lostMarkers;
        for (const holdout of gp.holdouts) if (heldUntilNs(holdout) === null) this.#accounting.close(holdout, endNs);
        this.#emit(gp);
      }
    }
  }
}
