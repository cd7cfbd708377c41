/**
 * The table of metrics, one row each: what one value is, by which column the stored histograms are grouped, the facts from which other
 * groupings are counted, and the events that it is measured from. A new metric is a row here and the samples that a model gives:
 * `sample()` accepts the names of this table only.
 */
import { GRACE_PERIOD_EVENTS, INTERRUPT_EVENTS, SRCU_EVENTS, WORKQUEUE_EVENTS } from '../finding-kinds/needs.ts';

export interface MetricRow {
  readonly title: string;
  /** Of its values. */
  readonly unit: 'ns';
  /** Events that it is measured from; `system:*` stands for a whole system. */
  readonly events: readonly string[];
  /** Table expression of the facts; alias f. */
  readonly from: string;
  /** The same without what only the label needs, where that is cheaper to read. */
  readonly plainFrom?: string;
  /** Condition on f. */
  readonly where: string;
  readonly start: string;
  readonly end: string;
  /** Name of the grouping of the stored histograms, as a user names it, and its SQL. */
  readonly label: string;
  readonly labelSql: string;
  /** Further columns to group by. */
  readonly columns: readonly string[];
}

function metric(
  title: string,
  events: readonly string[],
  table: string,
  where: string,
  label: string,
  columns: string,
  span: readonly [string, string] = ['start_ns', 'end_ns'],
): MetricRow {
  return {
    title,
    unit: 'ns',
    events,
    from: table,
    where,
    start: `f.${span[0]}`,
    end: `f.${span[1]}`,
    label,
    labelSql: `f.${label}`,
    columns: columns.split(' '),
  };
}

/** Calls that are part of another one are in no metric: which call counts in which is the model's decision, written with the fact. */
const syncWait = (name: string, title: string, events: readonly string[]): MetricRow =>
  metric(title, events, 'sync_wait', `f.metric = '${name}'`, 'domain', 'api comm tid run_id');

const LOCK_HOLD = '(SELECT h.*, c.name AS lock FROM lock_hold AS h JOIN lock_class AS c USING (run_id, class_id))';
const LOCK_WAIT = '(SELECT w.*, c.name AS lock FROM lock_wait AS w JOIN lock_class AS c USING (run_id, class_id))';

/** Waits after a wakeup; a task that was preempted is runnable too, but nobody woke it. */
const RUNQUEUE_WAIT =
  '(SELECT s.*, lag(state) OVER (PARTITION BY run_id, tid ORDER BY fact_no) AS before FROM task_state AS s)';
const RCU_STALL =
  "(SELECT run_id, start_ns, end_ns, json_extract(body, '$.cause') AS cause, json_extract(body, '$.flavor') AS flavor FROM finding WHERE kind = 'rcu-stall')";

export const METRICS = {
  'rcu-gp': metric(
    'RCU grace periods, normal',
    GRACE_PERIOD_EVENTS,
    'grace_period',
    "f.expedited = 0 AND f.flavor GLOB 'rcu_*' AND (f.gp_seq IS NOT NULL OR f.end_ns IS NULL)",
    'flavor',
    'confidence run_id',
  ),
  'rcu-gp-expedited': metric(
    'RCU grace periods, expedited',
    ['rcu_exp_grace_period'],
    'grace_period',
    'f.expedited = 1',
    'flavor',
    'confidence run_id',
  ),
  'synchronize-rcu': syncWait('synchronize-rcu', 'synchronize_rcu and related calls', [
    'synchronize_rcu',
    'rcu_sr_normal',
    'sched_switch',
  ]),
  'synchronize-rcu-tasks': syncWait('synchronize-rcu-tasks', 'synchronize_rcu_tasks and related calls', [
    'sched_switch',
    '<stacks>',
  ]),
  'rcu-barrier': syncWait('rcu-barrier', 'rcu_barrier and related calls', ['rcu_barrier']),
  'srcu-gp': metric(
    'SRCU grace periods',
    [...SRCU_EVENTS, ...WORKQUEUE_EVENTS],
    'grace_period',
    "f.expedited = 0 AND f.flavor NOT GLOB 'rcu_*'",
    'flavor',
    'confidence run_id',
  ),
  'synchronize-srcu': syncWait('synchronize-srcu', 'synchronize_srcu and related calls', [
    'synchronize_srcu',
    '__synchronize_srcu',
    'sched_switch',
  ]),
  'call-rcu': metric(
    'callbacks, queued to invoked',
    ['rcu_callback', 'rcu_invoke_callback'],
    'callback',
    '1',
    'function',
    'flavor cpu run_id',
    ['queued_ns', 'invoked_ns'],
  ),
  'rcu-stall': metric('stalled grace periods', GRACE_PERIOD_EVENTS, RCU_STALL, '1', 'cause', 'flavor run_id'),
  nmi: metric('NMI handlers', ['nmi_handler'], 'context_span', "f.kind = 'nmi'", 'name', 'cpu run_id'),
  hardirq: metric(
    'hard interrupts',
    INTERRUPT_EVENTS.filter((name) => !name.startsWith('softirq')),
    'context_span',
    "f.kind = 'hardirq'",
    'name',
    'cpu run_id',
  ),
  softirq: metric(
    'softirqs',
    ['softirq_entry', 'softirq_exit'],
    'context_span',
    "f.kind = 'softirq'",
    'name',
    'cpu run_id',
  ),
  'lock-wait': {
    ...metric(
      'waiting for locks',
      ['lock_contended', 'lock_acquired', 'contention_begin', 'contention_end'],
      LOCK_WAIT,
      '1',
      'lock',
      'tid owner_tid run_id',
    ),
    plainFrom: 'lock_wait',
  },
  'lock-hold': {
    ...metric('holding locks', ['lock_acquire', 'lock_release'], LOCK_HOLD, '1', 'lock', 'tid cpu read trylock run_id'),
    plainFrom: 'lock_hold',
  },
  'runqueue-wait': metric(
    'woken, not yet running',
    ['sched_switch', 'sched_waking', 'sched_wakeup'],
    RUNQUEUE_WAIT,
    "f.state = 'runnable' AND f.before IS NOT 'running'",
    'comm',
    'tid cpu run_id',
  ),
  blocked: metric(
    'uninterruptible sleep',
    ['sched_switch'],
    'task_state',
    "f.state = 'blocked'",
    'comm',
    'tid cpu run_id',
  ),
  'workqueue-queue': metric(
    'work queued, not started',
    WORKQUEUE_EVENTS,
    'work_item',
    'f.queued_ns IS NOT NULL',
    'function',
    'workqueue cpu run_id',
    ['queued_ns', 'start_ns'],
  ),
  'workqueue-run': metric(
    'work running',
    WORKQUEUE_EVENTS,
    'work_item',
    'f.start_ns IS NOT NULL',
    'function',
    'workqueue tid cpu run_id',
  ),
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** Metrics by name, in the order in which they are listed. */
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

/** A row with its name. */
export interface MetricTable extends MetricRow {
  readonly metric: MetricName;
}

export const METRIC_TABLES: readonly MetricTable[] = METRIC_NAMES.map((metric) => ({ metric, ...METRICS[metric] }));
