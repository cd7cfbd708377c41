-- Time in uninterruptible sleep (D state) by task: what the hung-task detector looks at.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   comm         task
--   tid          thread id
--   sleeps       how often
--   open         1: still asleep when the capture ended
--   total_ns     ns: all of them together, open ones until the end of the capture
--   max_ns       ns: the longest
--   longest_s    seconds: start of the longest, as the trace prints it
-- Cost
--   scans task_state
SELECT
  s.run_id,
  s.comm,
  s.tid,
  count(*) AS sleeps,
  count(*) - count(s.end_ns) AS open,
  sum(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS total_ns,
  max(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS max_ns,
  -- SQLite takes the start of the row that has the maximum.
  round((run.base_ns + s.start_ns) / 1e9, 6) AS longest_s
FROM task_state AS s JOIN run USING (run_id)
WHERE s.state = 'blocked' AND s.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY s.run_id, s.tid, s.comm
ORDER BY max_ns DESC, s.run_id, s.tid
LIMIT coalesce(:limit, 50);
