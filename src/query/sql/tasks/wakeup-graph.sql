-- Who wakes whom: the edges of the wakeup graph, of all tasks or of one as waker or woken.
--
-- Parameters
--   :comm        text    one task name, as waker or woken
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   waker        task that called, or was interrupted when an interrupt called
--   context      task, softirq, hardirq or nmi: where the wakeup came from; NULL when not recorded
--   woken        task
--   count        wakeups
--   first_s      seconds: the first, as the trace prints it
--   last_s       seconds: the last
-- Needs
--   sched_waking
-- Cost
--   scans sched_waking
SELECT
  w.run_id,
  w.comm AS waker,
  w.context,
  w.arg_comm AS woken,
  count(*) AS count,
  round((run.base_ns + min(w.ts_ns)) / 1e9, 6) AS first_s,
  round((run.base_ns + max(w.ts_ns)) / 1e9, 6) AS last_s
FROM sched_waking AS w JOIN run USING (run_id)
WHERE (:comm IS NULL OR w.comm = :comm OR w.arg_comm = :comm)
  AND w.id BETWEEN (coalesce(:run, 1) - 1) << 36 AND (coalesce(:run, 1 << 26) << 36) - 1
GROUP BY w.run_id, w.comm, w.context, w.arg_comm
ORDER BY count DESC, w.run_id, waker, woken
LIMIT coalesce(:limit, 50);
