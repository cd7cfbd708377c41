/** SRCU grace periods in flight, and those whose callbacks have yet to run, as a snapshot keeps them. */
import type { SrcuGpModel, SrcuGracePeriod, SrcuStruct } from '../model/srcu/grace-period.ts';
import type { WorkExecution, WorkKey } from '../model/work/work-item.ts';
import { loadRecords, type Rows, SnapshotError, saveRows } from './plain.ts';

export interface SrcuSnapshot {
  readonly periods: Rows;
  /** Whose callbacks were queued before their last run was over. */
  readonly served: readonly boolean[];
  readonly structs: Rows;
  /** By struct: its key, its grace period (index, −1 none) and the worker of its run (−1 none). */
  readonly links: readonly (readonly [key: WorkKey | string, gp: number, workerTid: number])[];
  readonly awaiting: readonly number[];
  readonly callbacksOf: readonly (readonly [work: WorkKey, gp: number])[];
}

export function saveSrcu(model: SrcuGpModel): SrcuSnapshot {
  const { structs, awaiting, callbacksOf, served } = model.live;
  const periods: SrcuGracePeriod[] = [];
  const numberOf = (gp: SrcuGracePeriod | undefined): number => {
    if (!gp) return -1;
    const known = periods.indexOf(gp);
    return known >= 0 ? known : periods.push(gp) - 1;
  };
  const links = [...structs].map(([key, { gp, run }]) => [key, numberOf(gp), run?.workerTid ?? -1] as const);
  const waiting = awaiting.map(numberOf);
  const callbacks = [...callbacksOf].map(([work, gp]) => [work, numberOf(gp)] as const);
  return {
    periods: saveRows(periods, ['callbacks']),
    served: periods.map((gp) => served.has(gp)),
    structs: saveRows(structs.values(), ['gp', 'run']),
    links,
    awaiting: waiting,
    callbacksOf: callbacks,
  };
}

/**
 * @param running executions that go on, by tid of their worker
 * @throws SnapshotError
 */
export function loadSrcu(model: SrcuGpModel, saved: SrcuSnapshot, running: ReadonlyMap<number, WorkExecution>): void {
  const { structs, awaiting, callbacksOf, served } = model.live;
  const periods = loadRecords(saved.periods).map(
    (record) => ({ ...record, callbacks: undefined }) as unknown as SrcuGracePeriod,
  );
  const period = (number: number): SrcuGracePeriod => {
    const gp = periods[number];
    if (!gp) throw new SnapshotError('refers to an SRCU grace period that it does not have');
    return gp;
  };
  periods.forEach((gp, number) => {
    model.periods.push(gp);
    if (saved.served[number]) served.add(gp);
  });
  loadRecords(saved.structs).forEach((record, i) => {
    const [key, gp, workerTid] = saved.links[i];
    structs.set(key, {
      ...record,
      gp: gp < 0 ? undefined : period(gp),
      run: running.get(workerTid),
    } as unknown as SrcuStruct);
  });
  awaiting.push(...saved.awaiting.map(period));
  for (const [work, gp] of saved.callbacksOf) callbacksOf.set(work, period(gp));
}
