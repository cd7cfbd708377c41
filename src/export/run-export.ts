/** One run of a store, written to a viewer: its events page by page, then what the models made of them. */
import { Dictionary, type EventBatch, RequestError } from '../../schema/index.ts';
import { StoreReader } from '../store/run-reader.ts';
import { readError } from '../store/store-error.ts';
import { openForReading } from '../store/store-file.ts';
import { type ExportPart, type ExportSelection, hasCpu, hasPart, partOfSystem } from './selection.ts';
import { storedTaskNames, TaskNames } from './task-names.ts';
import { FlowNumbers, type Timeline, type TrackId } from './timeline.ts';
import { writeCounters } from './tracks/counters.ts';
import { EventTracks } from './tracks/event-tracks.ts';
import { findingTracks } from './tracks/findings.ts';
import { writeGracePeriods, writeHoldouts } from './tracks/grace-periods.ts';
import { writeInterrupts } from './tracks/interrupts.ts';
import { writeLockHolds, writeLockWaits } from './tracks/locks.ts';
import type { RunFacts } from './tracks/run-facts.ts';
import { writeSyncWaits, writeWaitEdges } from './tracks/waits.ts';

/** What is told before the first event. */
export interface RunHead {
  readonly name: string;
  readonly release?: string;
  readonly cpus: number;
  readonly firstNs: number;
  readonly lastNs: number;
  readonly baseNs: string;
  readonly clock?: string;
  readonly captures: readonly string[];
}

/** A viewer's file in the making. */
export interface RunTarget {
  readonly timeline: Timeline;
  /** Whether the viewer draws interrupts from the events, or wants them as tracks. */
  readonly drawsInterrupts: boolean;
  /** @param dictionary of the whole run */
  begin(head: RunHead, dictionary: Dictionary): void;
  /** A selected event. @returns false when the file has no place for it */
  event(batch: EventBatch, index: number): boolean;
  /** Events of a CPU are missing before this point. */
  lose(cpu: number): void;
  /** A task is called that from now on. */
  name(tsNs: number, tid: number, name: string): void;
  close(): void;
}

export interface ExportedRun {
  readonly events: number;
  /** Selected events for which the format has no place. */
  readonly leftOut: number;
}

/**
 * @param run default: the latest
 * @throws StoreError, RequestError when the store holds no run
 */
export function exportRun(
  path: string,
  run: number | undefined,
  selection: ExportSelection,
  target: RunTarget,
): ExportedRun {
  const db = openForReading(path);
  const reader = new StoreReader(path, db);
  try {
    const runId = run ?? reader.runIds().at(-1);
    if (runId === undefined) throw new RequestError(`${path}: holds no run; ingest a capture first`);
    const info = reader.runInfo(runId);
    const dictionary = new Dictionary();
    dictionary.apply(reader.dictionary(runId));
    const clock = info.captures.find((capture) => capture.clock !== undefined)?.clock;
    target.begin(
      {
        name: info.name,
        ...(info.kernel.release !== undefined && { release: info.kernel.release }),
        cpus: info.cpus,
        firstNs: info.first_ns,
        lastNs: info.last_ns,
        baseNs: info.base_ns,
        ...(clock !== undefined && { clock }),
        captures: info.captures.map((capture) => capture.path),
      },
      dictionary,
    );
    const groups = new Groups(target.timeline, selection);
    const pass = new EventPass(reader, runId, dictionary, selection, target, groups);
    const taskName = pass.wanted ? (tid: number) => pass.names.of(tid) : storedTaskNames(db, runId);
    const counts = pass.wanted ? pass.run() : { events: 0, leftOut: 0 };
    writeFacts({ db, runId, info, findings: reader.findings(runId), selection, taskName }, target, groups);
    target.close();
    return counts;
  } catch (error) {
    throw readError(path, error);
  } finally {
    reader.close();
  }
}

/** Headings in the order of the screen, with the part that each belongs to. */
const GROUPS = {
  findings: ['Findings', 'findings', 'What quiesce found, under its root causes; arrows lead to the root.'],
  counters: ['Load', 'counters', 'Means per window: share of time in NMIs, tasks that are runnable or blocked.'],
  gracePeriods: ['Grace periods', 'grace-periods', 'RCU flavours and srcu_structs, with phases.'],
  holdouts: ['Holdouts', 'grace-periods', 'CPUs and tasks that grace periods waited for.'],
  waits: ['Waits for grace periods', 'waits', 'synchronize_*() and related calls of each task, with phases.'],
  edges: ['Who waits for whom', 'waits', 'One track per waiter, slices named after what it waits for.'],
  nmis: ['NMIs', 'interrupts', 'Handlers on each CPU.'],
  interrupts: ['Interrupts', 'interrupts', 'Hard and soft interrupts on each CPU.'],
  holds: ['Held locks', 'locks', 'Lock classes that each task holds.'],
  contention: ['Contended locks', 'locks', 'Lock classes that each task waits for.'],
  lost: ['Lost events', 'events', 'Events before these points are missing.'],
  log: ['Kernel log', 'events', 'Lines of the console.'],
} as const satisfies Record<string, readonly [string, ExportPart, string]>;

export type GroupName = keyof typeof GROUPS;

/** The headings of the selected parts. */
export class Groups {
  readonly #ids = new Map<GroupName, TrackId>();

  constructor(timeline: Timeline, selection: ExportSelection) {
    for (const [name, [title, part, description]] of Object.entries(GROUPS))
      if (hasPart(selection, part)) this.#ids.set(name as GroupName, timeline.group(title, description));
  }

  /** Undefined: not selected. */
  id(name: GroupName): TrackId | undefined {
    return this.#ids.get(name);
  }

  /** Writes what belongs there, when it is selected. */
  write(name: GroupName, write: (group: TrackId) => void): void {
    const id = this.#ids.get(name);
    if (id !== undefined) write(id);
  }
}

/** Parts that events are read for: they are events, or need the names of tasks. */
const PARTS_WITH_EVENTS: readonly ExportPart[] = ['scheduling', 'interrupts', 'work', 'locks', 'events'];

class EventPass {
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

function writeFacts(facts: RunFacts, { timeline, drawsInterrupts }: RunTarget, groups: Groups): void {
  const findings = groups.id('findings');
  const found = findings === undefined ? undefined : findingTracks(facts, timeline, findings, new FlowNumbers());
  groups.write('waits', (group) => writeSyncWaits(facts, timeline, group, found?.waitFlows ?? new Map()));
  found?.write();
  groups.write('counters', (group) => writeCounters(facts, timeline, group));
  groups.write('gracePeriods', (group) => writeGracePeriods(facts, timeline, group));
  groups.write('holdouts', (group) => writeHoldouts(facts, timeline, group));
  groups.write('edges', (group) => writeWaitEdges(facts, timeline, group));
  groups.write('nmis', (group) => writeInterrupts(facts, timeline, group, 'nmi'));
  if (!drawsInterrupts)
    groups.write('interrupts', (group) => {
      writeInterrupts(facts, timeline, group, 'hardirq');
      writeInterrupts(facts, timeline, group, 'softirq');
    });
  groups.write('holds', (group) => writeLockHolds(facts, timeline, group));
  groups.write('contention', (group) => writeLockWaits(facts, timeline, group));
}
