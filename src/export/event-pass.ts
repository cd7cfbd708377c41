/** The selected events of a run, page by page: memory does not grow with the run. */
import type { Dictionary, EventBatch } from '../../schema/index.ts';
import type { StoreReader } from '../store/run-reader.ts';
import type { Groups } from './groups.ts';
import type { RunTarget } from './run-target.ts';
import { type ExportPart, type ExportSelection, hasCpu, hasPart, partOfSystem } from './selection.ts';
import { TaskNames } from './task-names.ts';
import { EventTracks } from './tracks/event-tracks.ts';

export interface ExportedRun {
  readonly events: number;
  /** Selected events for which the format has no place. */
  readonly leftOut: number;
}

/** Parts that events are read for: they are events, or need the names of tasks. */
const PARTS_WITH_EVENTS: readonly ExportPart[] = ['scheduling', 'interrupts', 'work', 'locks', 'events'];

export class EventPass {
  readonly wanted: boolean;
  readonly names: TaskNames;
  readonly #reader: StoreReader;
  readonly #runId: number;
  readonly #dictionary: Dictionary;
  readonly #selection: ExportSelection;
  readonly #target: RunTarget;
  readonly #tracks: EventTracks;
  /** By type id. */
  readonly #selected: boolean[] = [];

  constructor(
    reader: StoreReader,
    runId: number,
    dictionary: Dictionary,
    selection: ExportSelection,
    target: RunTarget,
    groups: Groups,
  ) {
    this.wanted = PARTS_WITH_EVENTS.some((part) => hasPart(selection, part));
    this.names = new TaskNames(dictionary);
    this.#reader = reader;
    this.#runId = runId;
    this.#dictionary = dictionary;
    this.#selection = selection;
    this.#target = target;
    this.#tracks = new EventTracks(dictionary, target.timeline, { lost: groups.id('lost'), log: groups.id('log') });
    for (const type of dictionary.types)
      if (type !== undefined) this.#selected[type.typeId] = hasPart(selection, partOfSystem(type.system));
  }

  run(): ExportedRun {
    const { fromNs, toNs } = this.#selection;
    const first = Number.isFinite(fromNs) ? this.#reader.positions(this.#runId).pageBeyond(fromNs - 1)?.pageNo : 0;
    let events = 0;
    let leftOut = 0;
    if (first === undefined) return { events, leftOut };
    for (const batch of this.#reader.batches(this.#runId, first)) {
      if (batch.length > 0 && batch.tsNs[0] > toNs) break;
      const counts = this.#batch(batch);
      events += counts.events;
      leftOut += counts.leftOut;
    }
    return { events, leftOut };
  }

  #batch(batch: EventBatch): ExportedRun {
    const { fromNs, toNs } = this.#selection;
    let events = 0;
    let leftOut = 0;
    for (let i = 0; i < batch.length; i++) {
      const tsNs = batch.tsNs[i];
      if (tsNs < fromNs || tsNs > toNs || !hasCpu(this.#selection, batch.cpu[i])) continue;
      if (this.names.see(batch, i)) this.#target.name(tsNs, batch.tid[i], this.#dictionary.string(batch.comm[i]));
      const lostOn = this.#tracks.lostCpu(batch, i);
      if (lostOn !== undefined) this.#target.lose(lostOn);
      if (!this.#selected[batch.type[i]]) continue;
      const drawn = this.#tracks.write(batch, i);
      if (this.#target.event(batch, i)) events++;
      else if (!drawn) leftOut++;
    }
    return { events, leftOut };
  }
}
