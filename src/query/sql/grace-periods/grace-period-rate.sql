-- Grace periods over time: how many ended in each slice, and how long they took.
--
-- Parameters
--   :slice_ms    number  length of a slice (default: a fortieth of the run)
--   :run         number  run (default: the first of the store)
-- Columns
--   flavor       RCU flavour or srcu_struct
--   time_s       seconds: start of the slice, as the trace prints it
--   ended        grace periods that ended in it
--   mean_ns      ns: their mean duration
--   max_ns       ns: the longest of them
WITH target AS (
  SELECT run_id, base_ns, first_ns,
         max(1, CAST(coalesce(:slice_ms * 1e6, (last_ns - first_ns) / 40.0) AS INTEGER)) AS slice_ns
  FROM run
  WHERE run_id = coalesce(:run, (SELECT min(run_id) FROM run))
)
SELECT
  g.flavor,
  round((t.base_ns + t.first_ns + (g.end_ns - t.first_ns) / t.slice_ns * t.slice_ns) / 1e9, 6) AS time_s,
  count(*) AS ended,
  CAST(avg(g.end_ns - g.start_ns) AS INTEGER) AS mean_ns,
  max(g.end_ns - g.start_ns) AS max_ns
FROM target AS t JOIN grace_period AS g USING (run_id)
WHERE g.end_ns IS NOT NULL
GROUP BY g.flavor, (g.end_ns - t.first_ns) / t.slice_ns
ORDER BY g.flavor, time_s;
