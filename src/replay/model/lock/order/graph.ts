/**
 * The dependency graph: an edge P→N for every pair of classes of which N was acquired while P was held, as lockdep adds them
 * (MODEL L5.25). Edges never expire (O32).
 */

import type { LockInstance } from '../class.ts';
import type { EdgeWitness } from './edge-witness.ts';

/** Dependency types of an edge, as a set (L5.27): first letter E exclusive or S shared predecessor, second N or R recursive reader. */
export const DEP_EN = 1;
export const DEP_ER = 2;
export const DEP_SN = 4;
export const DEP_SR = 8;

export function dependencyType(heldRead: boolean, acquiredRecursiveRead: boolean): number {
  return heldRead ? (acquiredRecursiveRead ? DEP_SR : DEP_SN) : acquiredRecursiveRead ? DEP_ER : DEP_EN;
}

/** `EN,SR`. */
export function dependencyText(dep: number): string {
  return [[DEP_ER, 'ER'] as const, [DEP_EN, 'EN'] as const, [DEP_SR, 'SR'] as const, [DEP_SN, 'SN'] as const]
    .filter(([bit]) => dep & bit)
    .map(([, name]) => name)
    .join(',');
}

const MAX_AFTER = 32;

export class LockEdge {
  readonly edgeId: number;
  /** Class numbers. */
  readonly from: number;
  readonly to: number;
  /** Set of DEP_*. */
  dep = 0;
  /** Set of DEP_* when every reader is taken as recursive (read=2): a verdict that needs more than this depends on the read type (L5.28). */
  depRecursive = 0;
  /** Acquisitions that showed it. */
  count = 0;
  firstNs = 0;
  /** Acquisition of the held lock and of the new one that first showed it; 0 when only a report tells of it. */
  heldEvent = 0;
  acquireEvent = 0;
  firstTask = 0;
  firstComm = 0;
  firstContext = 0;
  /** CPU on which the predecessor was acquired, and when: what a gap may have undone. */
  heldCpu = 0;
  heldNs = 0;
  /** When the task came onto its CPU before the acquisition. */
  arrivedNs = 0;
  /** Its only sightings rest on a held stack that lost events made doubtful (E0.4): no edge until it is seen again. */
  revoked = false;
  /** Distinct situations, bounded: see lock-witness.ts. */
  readonly witnesses: EdgeWitness[] = [];
  /** Situations were left out. */
  truncated = false;
  /** Exclusive locks (addresses) that were held in every situation, the predecessor itself left out; undefined before the first. */
  guards: { readonly classId: number; readonly instance: LockInstance }[] | undefined;
  /** Edges that led to the predecessor in the same nested acquisition: a path via both of them has one instance in the middle. */
  readonly after: number[] = [];
  /** A lockdep report has it in its chain. */
  reported = false;
  /** Line of that report, 0 when it came from the trace. */
  reportedLine = 0;
  /** Why a what-if variant added it; undefined for edges of the recording. */
  added: string | undefined;

  constructor(edgeId: number, from: number, to: number) {
    this.edgeId = edgeId;
    this.from = from;
    this.to = to;
  }

  noteAfter(edgeId: number): void {
    const after = this.after;
    if (after.length > 0 && after[after.length - 1] === edgeId) return;
    if (after.length < MAX_AFTER && !after.includes(edgeId)) after.push(edgeId);
  }
}

export class LockGraph {
  readonly edges: LockEdge[] = [];
  readonly #out: (Map<number, LockEdge> | undefined)[] = [];

  /** The edge, made when it is new. */
  edge(from: number, to: number): LockEdge {
    let out = this.#out[from];
    if (out === undefined) {
      out = new Map();
      this.#out[from] = out;
    }
    let edge = out.get(to);
    if (edge === undefined) {
      edge = new LockEdge(this.edges.length, from, to);
      this.edges.push(edge);
      out.set(to, edge);
    }
    return edge;
  }

  find(from: number, to: number): LockEdge | undefined {
    return this.#out[from]?.get(to);
  }
}
