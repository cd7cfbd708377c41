-- The work items that waited longest for a worker, or ran longest.
--
-- Parameters
--   :by           text    queue: by the time in the queue · run: by the time of execution (default queue)
--   :function     text    one work function
--   :run          number  one run; every run when not given
--   :limit        number  rows (default 20)
-- Columns
--   run_id        run
--   function      work function
--   workqueue     workqueue; '' when the queueing was not recorded
--   queued_s      seconds: when it was queued, as the trace prints it
--   queue_ns      ns: queued to started, or to the end of the capture
--   inactive_ns   ns of it before a worker pool took it (max_active reached)
--   run_ns        ns: execution, or until the end of the capture
--   worker        tid of the kworker, NULL when it never started
--   cpu           CPU
WITH item AS (
  SELECT w.*, run.base_ns,
         coalesce(w.start_ns, run.last_ns) - w.queued_ns AS queue_ns,
         coalesce(w.end_ns, run.last_ns) - w.start_ns AS run_ns
  FROM work_item AS w JOIN run USING (run_id)
  WHERE (:function IS NULL OR w.function = :function) AND w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
)
SELECT
  run_id,
  function,
  workqueue,
  round((base_ns + queued_ns) / 1e9, 6) AS queued_s,
  queue_ns,
  activated_ns - queued_ns AS inactive_ns,
  run_ns,
  tid AS worker,
  cpu
FROM item
ORDER BY CASE WHEN :by = 'run' THEN run_ns ELSE queue_ns END DESC, run_id, queued_ns
LIMIT coalesce(:limit, 20);
