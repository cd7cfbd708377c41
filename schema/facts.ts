/**
 * What models derive from events, one row type per fact table (columns documented in migrations/0001-store.sql).
 * Intervals: `endNs` null while open at the end of the capture; `censored` when a gap cuts them (MODEL E0.4).
 * Strings are text here; the store interns nothing in fact tables but lock classes.
 */

import type { MetricName } from './metrics.ts';

export interface GracePeriodFact {
  flavor: string;
  gpSeq: string | null;
  expedited: boolean;
  requestNs: number | null;
  startNs: number;
  initDoneNs: number | null;
  lastReportNs: number | null;
  endNs: number | null;
  confidence: 'observed' | 'inferred';
  /** CPUs and tasks that reported last or are still pending, as `CPU 1`, `comm:tid`. */
  holdouts: string;
}

export interface SyncWaitFact {
  api: string;
  domain: string;
  comm: string;
  tid: number;
  startNs: number;
  endNs: number | null;
  /** The metric that counts it; null: it is part of another call's wait. */
  metric: MetricName | null;
  rootKind: string | null;
  confidence: 'observed' | 'inferred';
}

/** One phase of a wait (MODEL 2.4): the phases of a wait follow each other and fill it. */
export interface SyncWaitPhaseFact {
  api: string;
  domain: string;
  tid: number;
  /** Start of the wait that it belongs to. */
  waitNs: number;
  /** GP_QS_WAIT, …; several joined with `+` where no event separates them. */
  phase: string;
  startNs: number;
  endNs: number;
}

export interface SrcuReaderFact {
  domain: string;
  comm: string;
  tid: number;
  startNs: number;
  endNs: number | null;
}

/** A CPU or task that a grace period waited for. */
export interface RcuBlockerFact {
  flavor: string;
  gpSeq: string | null;
  cpu: number | null;
  tid: number | null;
  comm: string | null;
  startNs: number;
  endNs: number | null;
  nmiNs: number;
  hardirqNs: number;
  softirqNs: number;
  cause: string;
}

export interface ContextSpanFact {
  cpu: number;
  kind: 'nmi' | 'hardirq' | 'softirq';
  /** Handler, vector or action. */
  name: string;
  startNs: number;
  endNs: number;
}

export interface TaskStateFact {
  tid: number;
  comm: string;
  /** running · runnable · blocked (D) · sleeping */
  state: string;
  cpu: number | null;
  startNs: number;
  endNs: number | null;
}

export interface WorkItemFact {
  work: string;
  function: string;
  workqueue: string;
  queuedNs: number | null;
  activatedNs: number | null;
  startNs: number | null;
  endNs: number | null;
  tid: number | null;
  cpu: number | null;
}

/** An RCU callback from call_rcu() to its invocation. */
export interface CallbackFact {
  flavor: string;
  function: string;
  queuedNs: number;
  invokedNs: number | null;
  /** CPU that invoked it. */
  cpu: number | null;
}

export interface LockClassFact {
  classId: number;
  name: string;
  instances: number;
  waitType: string | null;
  usage: string | null;
}

export interface LockHoldFact {
  classId: number;
  tid: number;
  cpu: number;
  read: boolean;
  trylock: boolean;
  startNs: number;
  endNs: number;
}

export interface LockWaitFact {
  classId: number;
  tid: number;
  startNs: number;
  endNs: number | null;
  ownerTid: number | null;
}

export interface LockEdgeFact {
  fromClass: number;
  toClass: number;
  /** ER, EN, SR, SN (MODEL L5.27), several joined by commas. */
  dependency: string;
  count: number;
  /** Events that first showed it: acquisition of the held lock, acquisition of the new one. */
  heldEvent: number | null;
  acquireEvent: number | null;
  tid: number | null;
  context: string;
}

export interface WaitEdgeFact {
  /** MODEL 4.1 id: W1 … W28. */
  rule: string;
  fromNode: string;
  toNode: string;
  startNs: number;
  endNs: number | null;
}

/** Where models put facts. The store's writer and the tests' collector implement it. */
export interface FactSink {
  gracePeriod(fact: GracePeriodFact): void;
  syncWait(fact: SyncWaitFact): void;
  syncWaitPhase(fact: SyncWaitPhaseFact): void;
  srcuReader(fact: SrcuReaderFact): void;
  rcuBlocker(fact: RcuBlockerFact): void;
  contextSpan(fact: ContextSpanFact): void;
  taskState(fact: TaskStateFact): void;
  workItem(fact: WorkItemFact): void;
  callback(fact: CallbackFact): void;
  lockClass(fact: LockClassFact): void;
  lockHold(fact: LockHoldFact): void;
  lockWait(fact: LockWaitFact): void;
  lockEdge(fact: LockEdgeFact): void;
  waitEdge(fact: WaitEdgeFact): void;
  /** One sample of a metric (`nmi`, `runqueue-wait`, …) for the run's histograms; `by` is its main grouping. */
  sample(metric: MetricName, by: string, valueNs: number): void;
  /** An interval of the metric that was still open when the capture ended: counted apart, in no bucket (O22). */
  openSample(metric: MetricName, by: string): void;
}
