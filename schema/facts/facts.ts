/**
 * The table of facts: what models derive from events, one row per fact table. The types of facts, the sink that models call, the store's
 * tables and inserts and the collector of the tests follow from the rows. A new fact is a row here and the model that emits it.
 * Intervals: `endNs` null while open at the end of the capture; cut where a gap cuts them (MODEL E0.4). Strings are text here; the store
 * has names of domains once per run.
 */
import { domain, event, type FactColumn, type FactRow, flag, ns, number, orNull, text } from './fact-columns.ts';
import type { MetricName } from './metrics.ts';

type Confidence = 'observed' | 'inferred';

export const FACTS = {
  gracePeriod: {
    doc: 'RCU and SRCU grace periods.',
    columns: {
      flavor: domain('rcu_preempt, rcu_sched, or the name of the srcu_struct'),
      gpSeq: orNull(text("the kernel's sequence number as it prints it, NULL when no event showed it")),
      expedited: flag('1: expedited'),
      requestNs: orNull(ns('first request for it')),
      startNs: ns('start'),
      initDoneNs: orNull(ns('initialisation of the rcu_node tree finished')),
      lastReportNs: orNull(ns('last quiescent state reported')),
      endNs: orNull(ns('end')),
      confidence: text<Confidence>('observed: its events are there · inferred: from what waits for it'),
      holdouts: text('CPUs and tasks that reported last, or are still pending'),
    },
  },
  syncWait: {
    doc: 'Calls that wait for grace periods: synchronize_rcu, synchronize_srcu, rcu_barrier, …',
    columns: {
      api: text('function called'),
      domain: domain('flavour, or name of the srcu_struct'),
      comm: text('task that called'),
      tid: number(),
      startNs: ns(),
      endNs: orNull(ns()),
      metric: orNull(
        text<MetricName>("latency that counts it: synchronize-rcu, rcu-barrier, …; NULL: part of another call's wait"),
      ),
      rootKind: orNull(
        text('what it waited for in the end, when known (nmi-storm, cpu-hog, … or another kind of finding)'),
      ),
      confidence: text<Confidence>('observed or inferred'),
    },
  },
  syncWaitPhase: {
    doc: 'Phases of waits for RCU and SRCU grace periods: they follow each other and fill the wait.',
    columns: {
      api: text('as in sync_wait'),
      domain: domain(),
      tid: number(),
      waitNs: ns('sync_wait.start_ns'),
      phase: text(
        'WAIT_CURRENT_GP, GP_START_LATENCY, GP_INIT, GP_QS_WAIT, GP_KTHREAD_LATENCY, GP_CLEANUP_WAKE, SRCU_START_LATENCY, SRCU_SCAN, SRCU_CALLBACK_DELAY, SRCU_CALLBACKS, SCHED_LATENCY; joined by + where no event separates them',
      ),
      startNs: ns(),
      endNs: ns(),
    },
  },
  srcuReader: {
    doc: 'SRCU read-side critical sections.',
    columns: {
      domain: domain('name of the srcu_struct'),
      comm: text('reader'),
      tid: number(),
      startNs: ns(),
      endNs: orNull(ns()),
    },
  },
  rcuBlocker: {
    doc: 'CPUs and tasks that a grace period waited for.',
    columns: {
      flavor: domain('that of the grace period'),
      gpSeq: orNull(text('of the grace period')),
      cpu: orNull(number('CPU whose quiescent state is pending, or on which the reader runs')),
      tid: orNull(number('preempted or sleeping reader')),
      comm: orNull(text('its name')),
      startNs: ns('when the grace period began to wait for it'),
      endNs: orNull(ns('when it reported')),
      nmiNs: ns('share of the interval that the CPU spent in NMIs'),
      hardirqNs: ns('in hard interrupts'),
      softirqNs: ns('in softirqs'),
      cause: orNull(
        text(
          'nmi-storm, cpu-hog, reader-preempted, …; NULL: it lasted less than what is slow, 1 s or a lower threshold',
        ),
      ),
    },
  },
  contextSpan: {
    doc: 'Interrupt contexts.',
    columns: {
      cpu: number(),
      kind: text<'nmi' | 'hardirq' | 'softirq'>('nmi, hardirq or softirq'),
      name: text('handler, vector or softirq action'),
      startNs: ns(),
      endNs: ns(),
    },
  },
  taskState: {
    doc: 'States of tasks.',
    columns: {
      tid: number(),
      comm: text(),
      state: text('running, runnable, blocked (D) or sleeping'),
      cpu: orNull(number('CPU it ran on or waits for')),
      startNs: ns(),
      endNs: orNull(ns()),
    },
  },
  workItem: {
    doc: 'Items of workqueues.',
    columns: {
      work: text('address of the work_struct, as printed'),
      function: text('work function'),
      workqueue: text("'' when the queueing was not recorded"),
      queuedNs: orNull(ns()),
      activatedNs: orNull(ns('given to a worker pool')),
      startNs: orNull(ns('execution')),
      endNs: orNull(ns()),
      tid: orNull(number('worker')),
      cpu: orNull(number()),
    },
  },
  callback: {
    doc: 'RCU callbacks from call_rcu to their invocation.',
    columns: {
      flavor: domain('rcu_preempt or rcu_sched'),
      function: text('callback function, kvfree_rcu for memory'),
      queuedNs: ns('call_rcu'),
      invokedNs: orNull(ns()),
      cpu: orNull(number('CPU that invoked it')),
    },
  },
  lockClass: {
    doc: 'Lock classes as far as the recording tells them apart.',
    columns: {
      classId: number('number within the run'),
      name: text('as in the events'),
      instances: number('addresses seen'),
      waitType: orNull(text('spin, config, sleep, … as far as known')),
      usage: orNull(text("lockdep's usage characters, as far as observed")),
    },
    key: ['classId'],
  },
  lockHold: {
    doc: 'Times for which a task held a lock.',
    columns: {
      classId: number('lock_class'),
      tid: number('holder'),
      cpu: number('CPU on which it was acquired'),
      read: flag('1: shared'),
      trylock: flag('1: acquired by a trylock'),
      startNs: ns(),
      endNs: ns(),
    },
  },
  lockWait: {
    doc: 'Times for which a task waited for a lock.',
    columns: {
      classId: number('lock_class'),
      tid: number('waiter'),
      startNs: ns(),
      endNs: orNull(ns()),
      ownerTid: orNull(number('holder when the wait began, when known')),
    },
  },
  lockEdge: {
    doc: 'Lock order: to_class was acquired while from_class was held.',
    columns: {
      fromClass: number('lock_class held'),
      toClass: number('lock_class acquired under it'),
      dependency: text('ER, EN, SR, SN as lockdep names them; several joined by commas'),
      count: number('how often'),
      heldEvent: orNull(event('event.id of the first witness: acquisition of the held lock')),
      acquireEvent: orNull(event('event.id of the first witness: acquisition of the new lock')),
      tid: orNull(number('task of the first witness')),
      context: text('context of the first witness'),
    },
  },
  waitEdge: {
    doc: 'Who waits for whom.',
    columns: {
      rule: text('kind of edge: a rule of docs/MODEL.md, chapter 4.1'),
      fromNode: text('waiter'),
      toNode: text('what it waits for'),
      startNs: ns(),
      endNs: orNull(ns()),
    },
  },
} as const satisfies Record<string, FactRow>;

export type FactName = keyof typeof FACTS;

/** Facts by name, in the order of their tables. */
export const FACT_NAMES = Object.keys(FACTS) as readonly FactName[];

type ValueOf<Column> = Column extends FactColumn<infer T> ? T : never;

/** A fact, as a model emits it. */
export type Fact<N extends FactName> = {
  [C in keyof (typeof FACTS)[N]['columns']]: ValueOf<(typeof FACTS)[N]['columns'][C]>;
};

/** A function for each fact: `lockHold({ classId, tid, … })`. */
export type FactFunctions = { readonly [N in FactName]: (fact: Fact<N>) => void };

/** Where models put facts. */
export interface FactSink extends FactFunctions {
  /** One sample of a metric (`nmi`, `runqueue-wait`, …) for the run's histograms; `by` is its main grouping. */
  sample(metric: MetricName, by: string, valueNs: number): void;
  /** An interval of the metric that was still open when the capture ended: counted apart, in no bucket (O22). */
  openSample(metric: MetricName, by: string): void;
}

/** @param make the function that takes a fact of that name */
export function factFunctions(make: <N extends FactName>(name: N) => (fact: Fact<N>) => void): FactFunctions {
  return Object.fromEntries(FACT_NAMES.map((name) => [name, make(name)])) as unknown as FactFunctions;
}

/** Takes facts and forgets them. */
export const NO_FACTS: FactSink = { ...factFunctions(() => () => {}), sample() {}, openSample() {} };
