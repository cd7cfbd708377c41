/**
 * What is known of a class's readers (MODEL L5.28): whether one that comes while another holds the lock can be kept out by a waiting
 * writer. No event says read=1 or read=2; the kind of lock does, and the context (include/linux/lockdep.h, lockdep.c read_lock_is_recursive).
 */
import type { Note } from '../../../../../schema/index.ts';
import { note } from '../../../core/note.ts';
import type { LockClass } from '../../../model/lock/class.ts';
import { DEP_EN, DEP_ER, DEP_SN, DEP_SR, type LockEdge } from '../../../model/lock/order/graph.ts';
import type { LockRecord } from '../../../record/lock-record.ts';

/**
 * `fair`: rwsem, percpu-rwsem · `recursive`: rwlock of PREEMPT_RT, RCU, SRCU, maps · `assumed`: nothing tells; taken as a queued rwlock,
 * whose readers are recursive in interrupts and with bottom halves off only.
 */
export type ReadType = 'fair' | 'recursive' | 'assumed';

export function readTypeOf(evidence: Pick<LockRecord, 'waitTypes' | 'profile'>, cls: LockClass): ReadType {
  if (cls.rule.recursiveRead) return 'recursive';
  const type = evidence.waitTypes.get(cls);
  if (type === undefined || type.basis === 'guess') return 'assumed';
  if (type.inner === 'sleep') return 'fair';
  // CONFIG_QUEUED_RWLOCKS depends on !PREEMPT_RT.
  return evidence.profile.rt === true ? 'recursive' : 'assumed';
}

/** An edge as it is judged. */
export interface JudgedEdge {
  readonly edge: LockEdge;
  readonly from: number;
  readonly to: number;
  /** Set of DEP_*: what the evidence shows, readers of unknown kind as assumed. */
  readonly dep: number;
  /** Set of DEP_* that holds also where all those readers are recursive. */
  readonly certain: number;
}

export const ASSUMED_READERS: Note = note(
  'depends on the read type: assumes queued rwlocks (CONFIG_QUEUED_RWLOCKS, x86 and arm64), where a reader in task context waits behind a waiting writer; with recursive readers (read=2) there is none of this',
  'L5.28',
);

export function judgedEdges(evidence: LockRecord): JudgedEdge[] {
  const types: (ReadType | undefined)[] = [];
  return evidence.edges.map((edge) => {
    types[edge.to] ??= readTypeOf(evidence, evidence.classes[edge.to]);
    const type = types[edge.to];
    const { from, to } = edge;
    if (type === 'fair') {
      const dep = blocking(edge.dep);
      return { edge, from, to, dep, certain: dep };
    }
    return { edge, from, to, dep: type === 'recursive' ? edge.depRecursive : edge.dep, certain: edge.depRecursive };
  });
}

/** Every reader blocks: *R becomes *N. */
function blocking(dep: number): number {
  return (dep & (DEP_EN | DEP_ER) ? DEP_EN : 0) | (dep & (DEP_SN | DEP_SR) ? DEP_SN : 0);
}
