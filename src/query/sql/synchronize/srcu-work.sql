-- Work items of SRCU over time: runs of process_srcu and srcu_invoke_callbacks, how long each was queued and ran.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 100)
-- Columns
--   run_id       run
--   function     process_srcu or srcu_invoke_callbacks
--   work         address of the work_struct: one per srcu_struct, or per CPU of it
--   worker       tid of the kworker
--   start_s      seconds: start of the run, as the trace prints it
--   queued_ns    ns: from queueing to start, NULL when the queueing was not seen
--   run_ns       ns: execution; NULL while it still ran when the capture ended
SELECT
  w.run_id,
  w.function,
  w.work,
  w.tid AS worker,
  round((run.base_ns + w.start_ns) / 1e9, 6) AS start_s,
  w.start_ns - w.queued_ns AS queued_ns,
  w.end_ns - w.start_ns AS run_ns
FROM work_item AS w JOIN run USING (run_id)
WHERE w.function IN ('process_srcu', 'srcu_invoke_callbacks') AND w.start_ns IS NOT NULL AND w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY w.run_id, w.start_ns
LIMIT coalesce(:limit, 100);
