-- CPU time by task, interrupts on top of it included: who ran, where, for how long.
--
-- Parameters
--   :cpu         number  one CPU
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   cpu          CPU
--   comm         task; idle is left out
--   tid          thread id
--   stretches    times it was switched in
--   total_ns     ns: on the CPU
--   share        0…1: of the time for which switches of that CPU were recorded
--   longest_ns   ns: longest time without a context switch
-- Cost
--   scans task_state
SELECT
  s.run_id,
  s.cpu,
  s.comm,
  s.tid,
  count(*) AS stretches,
  sum(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS total_ns,
  round(sum(coalesce(s.end_ns, run.last_ns) - s.start_ns) * 1.0 / nullif(span.recorded_ns, 0), 4) AS share,
  max(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS longest_ns
FROM task_state AS s JOIN run USING (run_id) LEFT JOIN cpu_span AS span ON span.run_id = s.run_id AND span.cpu = s.cpu AND span."of" = 'task'
WHERE s.state = 'running' AND s.tid <> 0 AND (:cpu IS NULL OR s.cpu = :cpu) AND s.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY s.run_id, s.cpu, s.tid, s.comm
ORDER BY total_ns DESC, s.run_id, s.cpu, s.tid
LIMIT coalesce(:limit, 50);
