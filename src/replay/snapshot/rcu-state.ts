/** Grace periods in flight, their holdouts and the preempted readers, as a snapshot keeps them. Finished grace periods stay out. */

import { type BlockedReader, type EarlyReport, newFlavor } from '../model/rcu/flavor.ts';
import type { GracePeriod, Holdout } from '../model/rcu/grace-period.ts';
import type { RcuNode } from '../model/rcu/node-tree.ts';
import type { RcuModel } from '../model/rcu/rcu.ts';
import { loadRecords, type Rows, SnapshotError, saveRows } from './plain.ts';

interface PeriodSnapshot {
  readonly period: Rows;
  readonly holdouts: Rows;
}

/** Which of the two, and which of its holdouts. */
type HoldoutNumber = readonly [expedited: boolean, index: number];

interface FlavorSnapshot {
  readonly name: string;
  readonly requestNs: number | null;
  readonly normal: PeriodSnapshot | null;
  readonly expedited: PeriodSnapshot | null;
  readonly readers: Rows;
  readonly pending: readonly (readonly [cpu: number, holdout: HoldoutNumber])[];
  readonly blocking: readonly (readonly [tid: number, holdouts: readonly HoldoutNumber[]])[];
  readonly leafLevel: number;
  readonly nodes: Rows;
  readonly early: Rows;
}

export type RcuSnapshot = readonly FlavorSnapshot[];

export function saveRcu(model: RcuModel): RcuSnapshot {
  return [...model.flavors.values()].map((flavor) => {
    const numbers = new Map<Holdout, HoldoutNumber>();
    for (const gp of [flavor.gp, flavor.expedited])
      gp?.holdouts.forEach((holdout, index) => {
        numbers.set(holdout, [gp === flavor.expedited, index]);
      });
    // Holdouts of a grace period that has ended are of no more use.
    const numbered = (holdout: Holdout): HoldoutNumber[] => {
      const number = numbers.get(holdout);
      return number ? [number] : [];
    };
    return {
      name: flavor.name,
      requestNs: flavor.requestNs,
      normal: flavor.gp ? savePeriod(flavor.gp) : null,
      expedited: flavor.expedited ? savePeriod(flavor.expedited) : null,
      readers: saveRows(flavor.readers.values()),
      pending: [...flavor.pending].flatMap(([cpu, holdout]) =>
        numbered(holdout).map((number) => [cpu, number] as const),
      ),
      blocking: [...flavor.blocking].map(([tid, holdouts]) => [tid, holdouts.flatMap(numbered)] as const),
      leafLevel: flavor.nodes.leafLevel,
      nodes: saveRows(flavor.nodes.all()),
      early: saveRows(flavor.early ?? []),
    };
  });
}

/** Which tasks ran, and at which ticks, matters when the grace period is over: not live state. */
function savePeriod(gp: GracePeriod): PeriodSnapshot {
  return { period: saveRows([gp], ['holdouts', 'ticks']), holdouts: saveRows(gp.holdouts, ['ran', 'prios']) };
}

/** @throws SnapshotError */
export function loadRcu(model: RcuModel, saved: RcuSnapshot): void {
  for (const state of saved) {
    const gp = state.normal ? loadPeriod(state.normal) : undefined;
    const expedited = state.expedited ? loadPeriod(state.expedited) : undefined;
    const holdout = ([isExpedited, index]: HoldoutNumber): Holdout => {
      const found = (isExpedited ? expedited : gp)?.holdouts[index];
      if (!found) throw new SnapshotError(`refers to a holdout that ${state.name} does not have`);
      return found;
    };
    const flavor = newFlavor(state.name);
    Object.assign(flavor, { gp, expedited, requestNs: state.requestNs });
    for (const reader of loadRecords(state.readers) as unknown as BlockedReader[])
      flavor.readers.set(reader.tid, reader);
    for (const [cpu, number] of state.pending) flavor.pending.set(cpu, holdout(number));
    for (const pending of expedited?.holdouts ?? [])
      if (pending.kind === 'cpu' && pending.toNs === null) flavor.expeditedPending.set(pending.cpu, pending);
    for (const [tid, numbers] of state.blocking) flavor.blocking.set(tid, numbers.map(holdout));
    flavor.nodes.leafLevel = state.leafLevel;
    for (const { level, low, high, mask } of loadRecords(state.nodes) as unknown as RcuNode[])
      flavor.nodes.init(level, low, high, BigInt(mask));
    if (state.early.rows.length > 0) flavor.early = loadRecords(state.early) as unknown as EarlyReport[];
    model.flavors.set(state.name, flavor);
    const open = [gp, expedited].filter((period) => period !== undefined);
    for (const period of open.sort((a, b) => a.startNs - b.startNs)) model.history.add(period);
  }
}

function loadPeriod(saved: PeriodSnapshot): GracePeriod {
  const [record] = loadRecords(saved.period);
  if (!record) throw new SnapshotError('holds an empty grace period');
  const holdouts = loadRecords(saved.holdouts).map(
    (holdout) => ({ ...holdout, ran: new Map(), prios: new Map() }) as unknown as Holdout,
  );
  return { ...record, holdouts, ticks: [] } as unknown as GracePeriod;
}
