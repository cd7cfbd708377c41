/** CPUs and the interrupt load on them, as a snapshot keeps them. How time was spent further back stays out. */

import type { World } from '../core/world.ts';
import { type CpuModel, CpuState } from '../model/cpu/cpu.ts';
import { type InterruptLoadModel, LoadWindow, type Storm } from '../model/cpu/interrupt-load.ts';
import type { PreemptedSoftirq } from '../model/cpu/interrupt-sources.ts';
import { loadObjects, loadRecords, type Rows, saveRows } from './plain.ts';

export interface CpuSnapshot {
  readonly cpus: Rows;
  readonly clock: CpuModel['clockEvidence'];
  /** Kinds of interrupts that events have shown, and the first. */
  readonly shown: readonly (readonly [kind: number, event: number])[];
  /** What is known of the exits of pairs of events. */
  readonly pairs: CpuModel['sources']['live']['pairs'];
  readonly preemptedTids: readonly number[];
  readonly preempted: Rows;
}

export function saveCpus(model: CpuModel): CpuSnapshot {
  const { shown, preempted, pairs } = model.sources.live;
  return {
    cpus: saveRows(model.all()),
    clock: model.clockEvidence,
    shown: [...shown],
    pairs,
    preemptedTids: [...preempted.keys()],
    preempted: saveRows(preempted.values()),
  };
}

/** @throws SnapshotError */
export function loadCpus(model: CpuModel, saved: CpuSnapshot): void {
  for (const state of loadObjects<CpuState>(saved.cpus, (value) => new CpuState(value('cpu') as number)))
    Object.assign(model.get(state.cpu), state);
  model.clockEvidence = saved.clock;
  model.sources.live = saved;
  const { shown, preempted } = model.sources.live;
  for (const [kind, event] of saved.shown) shown.set(kind, event);
  loadRecords(saved.preempted).forEach((record, i) => {
    preempted.set(saved.preemptedTids[i], record as unknown as PreemptedSoftirq);
  });
}

export interface LoadSnapshot {
  /** By CPU and kind. */
  readonly windows: readonly (readonly [key: number, window: ReturnType<LoadWindow['save']>])[];
  readonly keys: readonly number[];
  readonly storms: Rows;
}

export function saveLoad(model: InterruptLoadModel): LoadSnapshot {
  const { windows, open } = model.live;
  return {
    windows: [...windows].map(([key, window]) => [key, window.save()] as const),
    keys: [...open.keys()],
    storms: saveRows(open.values()),
  };
}

export function loadLoad(model: InterruptLoadModel, saved: LoadSnapshot, world: World): void {
  const { windows, open } = model.live;
  for (const [key, state] of saved.windows) {
    const window = new LoadWindow(world.thresholds.nmiStormWindowNs);
    window.load(state);
    windows.set(key, window);
  }
  loadRecords(saved.storms).forEach((record, i) => {
    const storm = record as unknown as Storm;
    open.set(saved.keys[i], storm);
    model.restore(storm);
  });
}
