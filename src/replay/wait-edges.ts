/** The wait-for graph as facts (MODEL 4.1): one row per edge that lasted, with the rule that made it. */
import { gracePeriodName } from './model/grace-period.ts';
import type { Timeline } from './timeline.ts';
import type { World } from './world.ts';

/** Edges shorter than this are everyday synchronisation. */
const SHORTEST_NS = 1e7;

export function emitWaitEdges(world: World, timeline: Timeline): void {
  const emit = (rule: string, fromNode: string, toNode: string, startNs: number, endNs: number | null): void => {
    if ((endNs ?? timeline.data.endNs) - startNs < SHORTEST_NS) return;
    world.facts.waitEdge({ rule, fromNode, toNode, startNs, endNs });
  };
  for (const wait of timeline.data.waits) {
    const target = wait.resource === 'srcu' ? `srcu-gp ${wait.domain || '?'}` : `${wait.resource} gp`;
    emit(
      wait.resource === 'srcu' ? 'W2' : wait.insideSrcuPass ? 'W18' : 'W1',
      `task ${wait.comm}:${wait.tid}`,
      target,
      wait.startNs,
      wait.endNs,
    );
  }
  for (const wait of timeline.data.waits) {
    if (timeline.data.tasksKthreadTids.has(wait.tid))
      emit('W28', `tasks-gp ${wait.comm}`, `${wait.resource} gp`, wait.startNs, wait.endNs);
  }
  for (const pass of timeline.data.passes) {
    emit('W10', `srcu-gp ${pass.domain ?? '?'}`, `work ${pass.fn}`, pass.startNs, pass.endNs);
    emit('W17', `work ${pass.fn}`, `task ${timeline.workerLabel(pass)}`, pass.startNs, pass.endNs);
  }
  for (const reader of timeline.data.readers) {
    emit('W19', `srcu-gp ${reader.domain}`, `reader ${timeline.label(reader.task)}`, reader.sinceNs, reader.endNs);
  }
  for (const gp of timeline.data.periods) {
    for (const holdout of gp.holdouts) {
      emit(
        gp.expedited ? 'W26' : holdout.kind === 'cpu' ? 'W4' : 'W5',
        gracePeriodName(gp),
        holdout.name,
        holdout.fromNs,
        holdout.toNs,
      );
    }
  }
}
