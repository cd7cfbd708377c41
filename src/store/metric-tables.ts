/**
 * Metrics and the facts behind them: name, what one value is, by which column the stored histograms are grouped. Other
 * groupings are counted from the facts (src/query/histogram.ts).
 */
export interface MetricTable {
  readonly metric: string;
  readonly title: string;
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
  name: string,
  title: string,
  table: string,
  where: string,
  label: string,
  columns: string,
  span: readonly [string, string] = ['start_ns', 'end_ns'],
): MetricTable {
  return {
    metric: name,
    title,
    from: table,
    where,
    start: `f.${span[0]}`,
    end: `f.${span[1]}`,
    label,
    labelSql: `f.${label}`,
    columns: columns.split(' '),
  };
}

const LOCK_HOLD = '(SELECT h.*, c.name AS lock FROM lock_hold AS h JOIN lock_class AS c USING (run_id, class_id))';
const LOCK_WAIT = '(SELECT w.*, c.name AS lock FROM lock_wait AS w JOIN lock_class AS c USING (run_id, class_id))';

/** Waits after a wakeup; a task that was preempted is runnable too, but nobody woke it. */
const RUNQUEUE_WAIT =
  '(SELECT s.*, lag(state) OVER (PARTITION BY run_id, tid ORDER BY rowid) AS before FROM task_state AS s)';
const RCU_STALL =
  "(SELECT run_id, start_ns, end_ns, json_extract(body, '$.cause') AS cause, json_extract(body, '$.flavor') AS flavor FROM finding WHERE kind = 'rcu-stall')";

export const METRIC_TABLES: readonly MetricTable[] = [
  metric(
    'rcu-gp',
    'RCU grace periods, normal',
    'grace_period',
    "f.expedited = 0 AND f.flavor GLOB 'rcu_*'",
    'flavor',
    'confidence run_id',
  ),
  metric(
    'rcu-gp-expedited',
    'RCU grace periods, expedited',
    'grace_period',
    'f.expedited = 1',
    'flavor',
    'confidence run_id',
  ),
  metric(
    'synchronize-rcu',
    'synchronize_rcu and related calls',
    'sync_wait',
    "f.api NOT GLOB '*srcu*' AND f.api NOT GLOB '*barrier*'",
    'domain',
    'api comm tid run_id',
  ),
  metric(
    'rcu-barrier',
    'rcu_barrier and related calls',
    'sync_wait',
    "f.api GLOB '*barrier*'",
    'domain',
    'api comm tid run_id',
  ),
  metric(
    'srcu-gp',
    'SRCU grace periods',
    'grace_period',
    "f.expedited = 0 AND f.flavor NOT GLOB 'rcu_*'",
    'flavor',
    'confidence run_id',
  ),
  metric(
    'synchronize-srcu',
    'synchronize_srcu and related calls',
    'sync_wait',
    "f.api GLOB '*srcu*' AND f.api NOT GLOB '*barrier*'",
    'domain',
    'api comm tid run_id',
  ),
  metric('call-rcu', 'callbacks, queued to invoked', 'callback', '1', 'function', 'flavor cpu run_id', [
    'queued_ns',
    'invoked_ns',
  ]),
  metric('rcu-stall', 'stalled grace periods', RCU_STALL, '1', 'cause', 'flavor run_id'),
  metric('nmi', 'NMI handlers', 'context_span', "f.kind = 'nmi'", 'name', 'cpu run_id'),
  metric('hardirq', 'hard interrupts', 'context_span', "f.kind = 'hardirq'", 'name', 'cpu run_id'),
  metric('softirq', 'softirqs', 'context_span', "f.kind = 'softirq'", 'name', 'cpu run_id'),
  {
    ...metric('lock-wait', 'waiting for locks', LOCK_WAIT, '1', 'lock', 'tid owner_tid run_id'),
    plainFrom: 'lock_wait',
  },
  {
    ...metric('lock-hold', 'holding locks', LOCK_HOLD, '1', 'lock', 'tid cpu read trylock run_id'),
    plainFrom: 'lock_hold',
  },
  metric(
    'runqueue-wait',
    'woken, not yet running',
    RUNQUEUE_WAIT,
    "f.state = 'runnable' AND f.before IS NOT 'running'",
    'comm',
    'tid cpu run_id',
  ),
  metric('blocked', 'uninterruptible sleep', 'task_state', "f.state = 'blocked'", 'comm', 'tid cpu run_id'),
  metric(
    'workqueue-queue',
    'work queued, not started',
    'work_item',
    'f.queued_ns IS NOT NULL',
    'function',
    'workqueue cpu run_id',
    ['queued_ns', 'start_ns'],
  ),
  metric(
    'workqueue-run',
    'work running',
    'work_item',
    'f.start_ns IS NOT NULL',
    'function',
    'workqueue tid cpu run_id',
  ),
];
