-- Run-queue latency by task: from wakeup (or preemption) to running.
--
-- Parameters
--   :comm        text    one task name
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   comm         task
--   count        waits that ended
--   open         still waiting when the capture ended
--   mean_ns      ns
--   max_ns       ns: the longest, open ones until the end of the capture
--   worst_cpu    CPU of the longest
--   worst_s      seconds: start of the longest, as the trace prints it
--   total_ns     ns: all of them together
-- Cost
--   scans task_state
SELECT
  s.run_id,
  s.comm,
  count(s.end_ns) AS count,
  count(*) - count(s.end_ns) AS open,
  CAST(avg(s.end_ns - s.start_ns) AS INTEGER) AS mean_ns,
  max(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS max_ns,
  -- SQLite takes the other columns of the row that has the maximum.
  s.cpu AS worst_cpu,
  round((run.base_ns + s.start_ns) / 1e9, 6) AS worst_s,
  sum(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS total_ns
FROM task_state AS s JOIN run USING (run_id)
WHERE s.state = 'runnable' AND (:comm IS NULL OR s.comm = :comm) AND s.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY s.run_id, s.comm
ORDER BY max_ns DESC, s.run_id, s.comm
LIMIT coalesce(:limit, 50);
