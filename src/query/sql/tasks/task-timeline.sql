-- One task state by state: running, runnable, sleeping, blocked.
--
-- Parameters
--   :tid         number  thread id (default: the task that was longest in D state)
--   :run         number  run (default: the first of the store)
--   :from        number  seconds: begin of the part to look at, as the trace prints it
--   :to          number  seconds: end of it
--   :limit       number  rows (default 500)
-- Columns
--   start_s      seconds, as the trace prints it
--   comm         its name at that time
--   state        running, runnable, sleeping or blocked (D)
--   cpu          CPU it ran on or waited for
--   duration_ns  ns: until the next state, or the end of the capture
-- Cost
--   scans task_state
WITH target AS (SELECT * FROM run WHERE run_id = coalesce(:run, (SELECT min(run_id) FROM run))),
task AS (
  SELECT coalesce(:tid, (
    SELECT s.tid FROM task_state AS s, target AS t
    WHERE s.run_id = t.run_id AND s.state = 'blocked'
    ORDER BY coalesce(s.end_ns, t.last_ns) - s.start_ns DESC, s.tid
    LIMIT 1)) AS tid
)
SELECT
  round((t.base_ns + s.start_ns) / 1e9, 6) AS start_s,
  s.comm,
  s.state,
  s.cpu,
  coalesce(s.end_ns, t.last_ns) - s.start_ns AS duration_ns
FROM task_state AS s, target AS t
WHERE s.run_id = t.run_id AND s.tid = (SELECT tid FROM task)
  AND (:from IS NULL OR coalesce(s.end_ns, t.last_ns) >= :from * 1e9 - t.base_ns)
  AND (:to IS NULL OR s.start_ns <= :to * 1e9 - t.base_ns)
ORDER BY s.start_ns, s.fact_no
LIMIT coalesce(:limit, 500);
