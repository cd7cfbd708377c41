-- The longest single waits for a CPU, and which task ran there instead.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 20)
-- Columns
--   run_id       run
--   start_s      seconds, as the trace prints it
--   task         comm:tid that waited
--   cpu          CPU it waited for
--   waited_ns    ns: until it ran, or the end of the capture
--   open         1: still waiting when the capture ended
--   ran_instead  task that ran there the longest in that time
--   ran_ns       ns of the wait that it ran
-- Cost
--   scans task_state twice
WITH wait AS (
  SELECT s.run_id, s.fact_no AS wait_no, s.comm, s.tid, s.cpu, s.start_ns, coalesce(s.end_ns, run.last_ns) AS end_ns,
         s.end_ns IS NULL AS open, run.base_ns
  FROM task_state AS s JOIN run USING (run_id)
  WHERE s.state = 'runnable' AND s.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  ORDER BY coalesce(s.end_ns, run.last_ns) - s.start_ns DESC
  LIMIT coalesce(:limit, 20)
),
ran AS (
  SELECT w.run_id, w.wait_no, r.comm || ':' || r.tid AS task,
         sum(min(coalesce(r.end_ns, w.end_ns), w.end_ns) - max(r.start_ns, w.start_ns)) AS ns
  FROM task_state AS r CROSS JOIN wait AS w
    ON r.run_id = w.run_id AND r.cpu = w.cpu AND r.start_ns < w.end_ns AND coalesce(r.end_ns, w.end_ns) > w.start_ns
  WHERE r.state = 'running' AND r.tid <> w.tid
  GROUP BY w.run_id, w.wait_no, r.comm, r.tid
),
-- SQLite takes the task of the row that has the maximum.
most AS (SELECT run_id, wait_no, task, max(ns) AS ns FROM ran GROUP BY run_id, wait_no)
SELECT
  w.run_id,
  round((w.base_ns + w.start_ns) / 1e9, 6) AS start_s,
  w.comm || ':' || w.tid AS task,
  w.cpu,
  w.end_ns - w.start_ns AS waited_ns,
  w.open,
  m.task AS ran_instead,
  m.ns AS ran_ns
FROM wait AS w LEFT JOIN most AS m USING (run_id, wait_no)
ORDER BY waited_ns DESC, w.run_id, w.start_ns;
