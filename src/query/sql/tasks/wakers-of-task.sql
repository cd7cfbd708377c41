-- Every wakeup of one task: by whom, from which context, and how long it then took until the task ran.
--
-- Parameters
--   :tid         number  thread id of the woken task (default: that of the most wakeups)
--   :run         number  run (default: the first of the store)
--   :limit       number  rows (default 100)
-- Columns
--   time_s       seconds, as the trace prints it
--   woken        comm:tid
--   waker        comm:tid that called, or was interrupted when an interrupt called
--   context      task, softirq, hardirq or nmi
--   waker_cpu    CPU of the caller
--   target_cpu   CPU that it is queued on
--   until_run_ns ns: until it was switched in; NULL when that was not seen before the next wakeup
-- Needs
--   sched_waking sched_switch
-- Cost
--   scans sched_waking, and sched_switch once
WITH target AS (SELECT * FROM run WHERE run_id = coalesce(:run, (SELECT min(run_id) FROM run))),
task AS (
  SELECT coalesce(:tid, (
    SELECT w.pid FROM sched_waking AS w, target AS t
    WHERE w.id BETWEEN (t.run_id - 1) << 36 AND (t.run_id << 36) - 1
    GROUP BY w.pid ORDER BY count(*) DESC, w.pid LIMIT 1)) AS tid
),
step AS (
  SELECT w.id, w.ts_ns, w.arg_comm || ':' || w.pid AS woken, w.comm || ':' || w.tid AS waker, w.context, w.cpu, w.target_cpu, 1 AS is_wakeup
  FROM sched_waking AS w, target AS t
  WHERE w.id BETWEEN (t.run_id - 1) << 36 AND (t.run_id << 36) - 1 AND w.pid = (SELECT tid FROM task)
  UNION ALL
  SELECT s.id, s.ts_ns, NULL, NULL, NULL, s.cpu, NULL, 0
  FROM sched_switch AS s, target AS t
  WHERE s.id BETWEEN (t.run_id - 1) << 36 AND (t.run_id << 36) - 1 AND s.next_pid = (SELECT tid FROM task)
),
pair AS (
  SELECT *, lead(is_wakeup) OVER next AS next_is_wakeup, lead(ts_ns) OVER next AS next_ns
  FROM step
  WINDOW next AS (ORDER BY id)
)
SELECT
  round((t.base_ns + p.ts_ns) / 1e9, 6) AS time_s,
  p.woken,
  p.waker,
  p.context,
  p.cpu AS waker_cpu,
  p.target_cpu,
  CASE WHEN p.next_is_wakeup = 0 THEN p.next_ns - p.ts_ns END AS until_run_ns
FROM pair AS p, target AS t
WHERE p.is_wakeup = 1
ORDER BY p.id
LIMIT coalesce(:limit, 100);
