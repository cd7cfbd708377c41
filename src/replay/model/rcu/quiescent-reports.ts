/** Quiescent states reported up the tree of rcu_nodes: whose bits they clear, and reports that come before the masks (R2.5, E0.7). */
import { type EventCursor, fieldsOf } from '../../../../schema/index.ts';
import type { BlockingReaders } from './blocking-readers.ts';
import type { Contradictions } from './contradictions.ts';
import type { EarlyReport, RcuFlavor } from './flavor.ts';
import type { GracePeriod } from './grace-period.ts';
import { maskCpus } from './node-tree.ts';

const REPORT = fieldsOf('rcu_quiescent_state_report');

/** Clocks of CPUs may disagree by that much before an order is taken for wrong (E0.5). */
const SKEW_NS = 1e5;
const EARLY_KEPT = 64;

export class QuiescentReports {
  readonly #readers: BlockingReaders;
  readonly #contradictions: Contradictions;

  constructor(readers: BlockingReaders, contradictions: Contradictions) {
    this.#readers = readers;
    this.#contradictions = contradictions;
  }

  /** rcu_quiescent_state_report. */
  report(flavor: RcuFlavor, event: EventCursor): void {
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

  /** Reports of this node that came before its masks, within what clocks may differ by. */
  takeEarly(flavor: RcuFlavor, gp: GracePeriod, level: number, low: number, event: EventCursor): void {
    if (!flavor.early?.length) return;
    const mine = flavor.early.filter((report) => report.seq === gp.seq && report.level === level && report.low === low);
    for (const report of mine) if (event.tsNs - report.tsNs <= SKEW_NS) this.#clear(flavor, gp, report, event);
    flavor.early = flavor.early.filter((report) => !mine.includes(report) && report.seq >= (gp.seq as number));
  }

  /** Clears the reported bits. @returns whether they contradict the masks */
  #clear(flavor: RcuFlavor, gp: GracePeriod, report: EarlyReport, event: EventCursor): boolean {
    gp.lastReportNs = event.tsNs;
    const contradiction = flavor.nodes.report(report.level, report.low, report.mask, report.remainder);
    if (contradiction) this.#contradictions.add(gp, event, contradiction);
    if (report.level < flavor.nodes.leafLevel) return contradiction !== '';
    for (const cpu of maskCpus(report.mask, report.low)) {
      const holdout = flavor.pending.get(cpu);
      if (!holdout) continue;
      this.#readers.settle(flavor, holdout, event.tsNs, report.event);
      flavor.pending.delete(cpu);
    }
    return contradiction !== '';
  }

  /** Reports of other CPUs were not recorded: the printed remainder tells who is done. */
  #reconcile(flavor: RcuFlavor, event: EventCursor, low: number, high: number, remainder: bigint): void {
    const left = new Set(maskCpus(remainder, low));
    for (const [cpu, holdout] of flavor.pending) {
      if (cpu < low || cpu > high || left.has(cpu)) continue;
      this.#readers.settle(flavor, holdout, event.tsNs, event.eventId);
      flavor.pending.delete(cpu);
    }
  }
}
