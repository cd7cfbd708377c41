-- The longest stretches in which a busy CPU took no timer tick: interrupts were off, an NMI or hard interrupt ran, or the
-- hypervisor took the CPU away.
--
-- Idle CPUs stop their tick, so a stretch counts only when tasks ran for (almost) all of it. A nohz_full CPU with one task has no
-- tick either.
--
-- Parameters
--   :cpu         number  one CPU
--   :min_ms      number  shortest stretch of interest (default 10)
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 20)
-- Columns
--   run_id       run
--   start_s      seconds: end of the tick before, as the trace prints it
--   cpu          CPU
--   gap_ns       ns: until the next tick
--   busy         0…1: share of it that tasks ran
--   task         comm:tid that ran when it began
-- Cost
--   scans context_span and task_state
WITH step AS (
  SELECT run_id, cpu, end_ns AS ts_ns, 0 AS task_end_ns, 0 AS ran_ns, start_ns AS tick_ns, NULL AS task_no
  FROM context_span
  WHERE kind = 'hardirq' AND name = 'local_timer' AND (:cpu IS NULL OR cpu = :cpu) AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  UNION ALL
  SELECT s.run_id, s.cpu, s.start_ns, coalesce(s.end_ns, run.last_ns), coalesce(s.end_ns, run.last_ns) - s.start_ns, NULL, s.fact_no
  FROM task_state AS s JOIN run USING (run_id)
  WHERE s.state = 'running' AND s.tid <> 0 AND (:cpu IS NULL OR s.cpu = :cpu) AND s.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
),
-- Time that tasks ran before each tick: all that began, less what the last of them still had to run. States of task_state that run on
-- one CPU are in the order of time.
busy AS (
  SELECT run_id, cpu, ts_ns, tick_ns,
         sum(ran_ns) OVER before - max(0, max(task_end_ns) OVER before - ts_ns) AS busy_ns,
         max(task_no) OVER before AS task_no
  FROM step
  WINDOW before AS (PARTITION BY run_id, cpu ORDER BY ts_ns ROWS UNBOUNDED PRECEDING)
),
tick AS (
  SELECT run_id, cpu, ts_ns, task_no,
         lead(tick_ns) OVER next - ts_ns AS gap_ns,
         -- The next tick itself runs on top of a task.
         lead(busy_ns) OVER next - busy_ns - (lead(ts_ns) OVER next - lead(tick_ns) OVER next) AS gap_busy_ns
  FROM busy
  WHERE tick_ns IS NOT NULL
  WINDOW next AS (PARTITION BY run_id, cpu ORDER BY ts_ns)
)
SELECT
  t.run_id,
  round((run.base_ns + t.ts_ns) / 1e9, 6) AS start_s,
  t.cpu,
  t.gap_ns,
  round(t.gap_busy_ns * 1.0 / t.gap_ns, 3) AS busy,
  (SELECT comm || ':' || tid FROM task_state AS s WHERE s.run_id = t.run_id AND s.fact_no = t.task_no) AS task
FROM tick AS t JOIN run USING (run_id)
WHERE t.gap_ns >= coalesce(:min_ms, 10) * 1e6 AND t.gap_busy_ns >= t.gap_ns * 0.95
ORDER BY t.gap_ns DESC, t.run_id, t.ts_ns
LIMIT coalesce(:limit, 20);
