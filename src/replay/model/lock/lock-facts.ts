/** The end of a run as facts of locks. */
import type { FactSink } from '../../../../schema/index.ts';
import type { LockClass, LockInstance } from './class.ts';
import { contextText } from './held.ts';
import { dependencyText, type LockEdge } from './order/graph.ts';
import type { LockHolder, LockWaitState } from './wait.ts';

/** What the lock model knows at the end. */
interface FinalLocks {
  readonly classes: readonly LockClass[];
  readonly events: { readonly graph: { readonly edges: readonly LockEdge[] } };
  waits(): readonly LockWaitState[];
  waitedClass(wait: LockWaitState): LockClass;
  holders(instance: LockInstance): readonly LockHolder[];
}

/** Writes classes, edges and the waits that are still open. */
export function writeLockFacts(locks: FinalLocks, facts: FactSink): void {
  for (const wait of locks.waits()) {
    const cls = locks.waitedClass(wait);
    const owner = locks.holders(wait.instance).find((holder) => holder.taskKey !== wait.taskKey);
    facts.lockWait({
      classId: cls.classId,
      tid: wait.tid,
      startNs: wait.sinceNs,
      endNs: null,
      ownerTid: owner?.tid ?? null,
    });
  }
  for (const cls of locks.classes) {
    if (cls.acquisitions === 0 && cls.name === '(none)') continue;
    facts.lockClass({
      classId: cls.classId,
      name: cls.name,
      instances: cls.instances,
      waitType: cls.rule.inner ?? null,
      usage: cls.acquisitions > 0 ? cls.usageText() : null,
    });
  }
  for (const edge of locks.events.graph.edges)
    if (!edge.revoked)
      facts.lockEdge({
        fromClass: edge.from,
        toClass: edge.to,
        dependency: dependencyText(edge.dep),
        count: edge.count,
        heldEvent: edge.count > 0 ? edge.heldEvent : null,
        acquireEvent: edge.count > 0 ? edge.acquireEvent : null,
        tid: edge.count > 0 ? Math.max(edge.firstTask, 0) : null,
        context: edge.count > 0 ? contextText(edge.firstContext) : 'reported',
      });
}
