-- Kworkers: what each of them executed, and for how long it was busy.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   worker       tid of the kworker
--   cpu          CPU of its longest item
--   items        items executed
--   busy_ns      ns: executing
--   share        0…1: of the run
--   longest_ns   ns: its longest item
--   longest_in   function of that item
SELECT
  w.run_id,
  w.tid AS worker,
  w.cpu,
  count(*) AS items,
  sum(coalesce(w.end_ns, run.last_ns) - w.start_ns) AS busy_ns,
  round(sum(coalesce(w.end_ns, run.last_ns) - w.start_ns) * 1.0 / nullif(run.last_ns - run.first_ns, 0), 4) AS share,
  -- SQLite takes CPU and function of the row that has the maximum.
  max(coalesce(w.end_ns, run.last_ns) - w.start_ns) AS longest_ns,
  w.function AS longest_in
FROM work_item AS w JOIN run USING (run_id)
WHERE w.start_ns IS NOT NULL AND w.tid IS NOT NULL AND w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY w.run_id, w.tid
ORDER BY busy_ns DESC, w.run_id, w.tid
LIMIT coalesce(:limit, 50);
