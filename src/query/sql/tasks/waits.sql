-- Who waits for whom: the longest edges of the wait-for graph (MODEL 4.1).
--
-- Parameters
--   :task        text    part of the waiter's name
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   rule         rule of the model: W1 … W29
--   waiter       who waits
--   waits_for    what it waits for
--   start_s      seconds, as the trace prints it
--   duration_ns  ns: until it was over, or the end of the capture
--   open         1: still waiting when the capture ended
SELECT
  w.run_id,
  w.rule,
  w.from_node AS waiter,
  w.to_node AS waits_for,
  round((run.base_ns + w.start_ns) / 1e9, 6) AS start_s,
  coalesce(w.end_ns, run.last_ns) - w.start_ns AS duration_ns,
  w.end_ns IS NULL AS open
FROM wait_edge AS w JOIN run USING (run_id)
WHERE w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:task IS NULL OR instr(w.from_node, :task) > 0)
ORDER BY duration_ns DESC, w.run_id, w.start_ns
LIMIT coalesce(:limit, 50);
