/**
 * Who made a task wait, and for how long: the chain from a blocked task to the root, with exclusive time per link.
 *
 * Backward critical path of MODEL 4.5: the waited interval is cut along what the task needed at each moment, every piece goes
 * to exactly one link, so the pieces sum to the blocked time (O21). Occupancy of a CPU within a piece is that of the whole
 * stretch in which the CPU was waited for, scaled.
 */
import type { ChainLink, Evidence, Root } from '../../schema/index.ts';
import { blameRcu } from './blame-rcu.ts';
import { blameSrcu } from './blame-srcu.ts';
import type { BlameWalk } from './blame-walk.ts';
import { ChainDraft } from './chain-draft.ts';
import type { SyncWait } from './model/sync-wait.ts';
import type { Timeline } from './timeline.ts';

export { decisiveHoldout, decisiveOf } from './blame-rcu.ts';

export interface Chain {
  readonly links: readonly ChainLink[];
  readonly root: Root;
  readonly evidence: readonly Evidence[];
}

export class Blame implements BlameWalk {
  readonly timeline: Timeline;
  readonly draft = new ChainDraft();
  readonly path = new Set<number>();

  private constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  /** The chain of one wait, from its start to its end (or to the end of the capture). */
  static ofWait(timeline: Timeline, wait: SyncWait): Chain {
    const blame = new Blame(timeline);
    const { draft } = blame;
    const label = `${wait.comm}:${wait.tid}`;
    draft.cite(wait.startEvent, `${label} enters ${wait.api}`);
    if (wait.endEvent) draft.cite(wait.endEvent, `${label} leaves ${wait.api}`);
    draft.add('task', label, 0, 0, { tid: wait.tid, note: wait.site ?? `in ${wait.api}` });
    blame.path.add(wait.task.key);
    blame.wait(wait, wait.startNs, timeline.end(wait), 1);
    return { links: draft.links(), root: draft.bestRoot(), evidence: draft.evidence() };
  }

  wait(wait: SyncWait, fromNs: number, toNs: number, depth: number): void {
    if (wait.resource === 'srcu') blameSrcu(this, wait, fromNs, toNs, depth);
    else blameRcu(this, wait.resource === 'rcu-expedited', fromNs, toNs, depth);
  }
}
