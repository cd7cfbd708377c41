-- The longest single NMIs, hard interrupts and softirqs.
--
-- Parameters
--   :kind        text    nmi, hardirq or softirq; all when not given
--   :cpu         number  one CPU
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 20)
-- Columns
--   run_id       run
--   start_s      seconds, as the trace prints it
--   cpu          CPU
--   kind         nmi, hardirq or softirq
--   name         handler, vector or softirq
--   duration_ns  ns
-- Cost
--   scans context_span
SELECT
  c.run_id,
  round((run.base_ns + c.start_ns) / 1e9, 6) AS start_s,
  c.cpu,
  c.kind,
  c.name,
  c.end_ns - c.start_ns AS duration_ns
FROM context_span AS c JOIN run USING (run_id)
WHERE (:kind IS NULL OR c.kind = :kind) AND (:cpu IS NULL OR c.cpu = :cpu) AND c.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY duration_ns DESC, c.run_id, c.start_ns
LIMIT coalesce(:limit, 20);
