/** The headings of a viewer's screen. */
import { type ExportPart, type ExportSelection, hasPart } from './selection.ts';
import type { Timeline, TrackId } from './timeline.ts';

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
