-- Where waits for grace periods spend their time (MODEL 2.4): the grace period that was running, its start, initialisation, quiescent
-- states, cleanup, and the scheduler.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :api         text    one function
-- Columns
--   run_id       run
--   api          function called
--   phase        WAIT_CURRENT_GP, GP_START_LATENCY, GP_INIT, GP_QS_WAIT, GP_KTHREAD_LATENCY, GP_CLEANUP_WAKE, SCHED_LATENCY; joined by + where no event separates them
--   waits        waits that have it
--   mean_ns      ns
--   max_ns       ns: the longest
--   worst_tid    task of the longest
--   total_ns     ns: all of them together
--   share        0…1: of the time of all waits in this function
SELECT
  p.run_id,
  p.api,
  p.phase,
  count(*) AS waits,
  CAST(avg(p.end_ns - p.start_ns) AS INTEGER) AS mean_ns,
  max(p.end_ns - p.start_ns) AS max_ns,
  -- SQLite takes the task of the row that has the maximum.
  p.tid AS worst_tid,
  sum(p.end_ns - p.start_ns) AS total_ns,
  round(sum(p.end_ns - p.start_ns) * 1.0 / nullif(sum(sum(p.end_ns - p.start_ns)) OVER (PARTITION BY p.run_id, p.api), 0), 3) AS share
FROM sync_wait_phase AS p
WHERE p.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:api IS NULL OR p.api = :api)
GROUP BY p.run_id, p.api, p.phase
ORDER BY p.run_id, p.api, total_ns DESC;
