/** Which dependencies an acquisition proves: the edges that lockdep would add to its graph (MODEL L5.25, L5.27). */
import type { LatestAcquisition } from '../acquisition.ts';
import type { LockClass } from '../class.ts';
import { HELD_DUBIOUS, HELD_READ, HELD_RECURSIVE, HELD_TRY, type HeldLock, type TaskLocks } from '../held.ts';
import { dependencyType, type LockEdge, type LockGraph } from './graph.ts';
import type { Acquisition, WitnessRecorder } from './witness.ts';

export class DependencyRecorder {
  readonly #classes: readonly LockClass[];
  readonly #graph: LockGraph;
  readonly #witnesses: WitnessRecorder;

  constructor(classes: readonly LockClass[], graph: LockGraph, witnesses: WitnessRecorder) {
    this.#classes = classes;
    this.#graph = graph;
    this.#witnesses = witnesses;
  }

  /**
   * Edges from the direct predecessors among the first `depth` entries (L5.25): newest first, up to and including the first that
   * was not a trylock. Returns the edge from the newest, −1 without.
   * @param latest undefined when the lock is only taken up again
   * @param inReport lockdep prints a report: what printk takes then depends on nothing of the kernel's code
   */
  add(
    task: TaskLocks,
    depth: number,
    acquisition: Acquisition,
    latest: LatestAcquisition | undefined,
    inReport: boolean,
  ): number {
    const classes = this.#classes;
    const { cls, context } = acquisition;
    let newest = -1;
    for (let i = depth - 1; i >= 0; i--) {
      const held = task.entries[i];
      if (held.context !== context || held.how & HELD_DUBIOUS) break;
      const predecessor = classes[held.classId];
      if (!predecessor.checked) continue;
      if (inReport && !predecessor.printk) {
        break;
      }
      if (predecessor !== cls) {
        const edge = this.#note(task, held, acquisition);
        if (newest < 0) newest = edge.edgeId;
        // A lock that is only taken up again (latest undefined) was acquired under more than is held now: no situation of its own.
        const witness =
          latest !== undefined || edge.count === 1
            ? this.#witnesses.note(edge, task, held, acquisition, latest !== undefined)
            : undefined;
        if (witness !== undefined && witness.acquireEvent === acquisition.eventId) latest?.witnesses.push(witness);
      } else if (held.instance !== acquisition.instance) cls.nested = true;
      if (!(held.how & HELD_TRY)) break;
    }
    return newest;
  }

  #note(task: TaskLocks, held: HeldLock, acquisition: Acquisition): LockEdge {
    const edge = this.#graph.edge(held.classId, acquisition.cls.classId);
    if (edge.revoked) {
      edge.revoked = false;
      edge.count = 0;
    }
    if (edge.count++ === 0) {
      edge.heldCpu = held.cpu;
      edge.heldNs = held.sinceNs;
      edge.arrivedNs = task.arrivedNs;
      edge.firstNs = acquisition.tsNs;
      edge.heldEvent = held.eventId;
      edge.acquireEvent = acquisition.eventId;
      edge.firstTask = task.key;
      edge.firstComm = task.comm;
      edge.firstContext = acquisition.context;
    }
    const heldRead = (held.how & HELD_READ) !== 0;
    edge.dep |= dependencyType(heldRead, (acquisition.how & HELD_RECURSIVE) !== 0);
    edge.depRecursive |= dependencyType(heldRead, (acquisition.how & HELD_READ) !== 0);
    if (held.inEdge >= 0) edge.noteAfter(held.inEdge);
    return edge;
  }
}
