-- Lock contention by class: how often and how long tasks waited.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   lock         lock class
--   waits        waits that ended
--   open         still waiting when the capture ended
--   waiters      tasks that waited
--   mean_ns      ns
--   max_ns       ns: the longest, open ones until the end of the capture
--   worst        tid of the longest
--   worst_owner  tid that held the lock when that wait began, NULL when unknown
--   worst_s      seconds: start of that wait, as the trace prints it
--   total_ns     ns: all of them together
SELECT
  w.run_id,
  c.name AS lock,
  count(w.end_ns) AS waits,
  count(*) - count(w.end_ns) AS open,
  count(DISTINCT w.tid) AS waiters,
  CAST(avg(w.end_ns - w.start_ns) AS INTEGER) AS mean_ns,
  max(coalesce(w.end_ns, run.last_ns) - w.start_ns) AS max_ns,
  -- SQLite takes the other columns of the row that has the maximum.
  w.tid AS worst,
  w.owner_tid AS worst_owner,
  round((run.base_ns + w.start_ns) / 1e9, 6) AS worst_s,
  sum(coalesce(w.end_ns, run.last_ns) - w.start_ns) AS total_ns
FROM lock_wait AS w JOIN run USING (run_id) JOIN lock_class AS c USING (run_id, class_id)
WHERE w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY w.run_id, w.class_id
ORDER BY total_ns DESC, w.run_id, lock
LIMIT coalesce(:limit, 50);
