-- The longest stretches with preemption disabled, by the events that say so, and where they began and ended.
--
-- Parameters
--   :cpu          number  one CPU
--   :run          number  one run; every run when not given
--   :limit        number  rows (default 20)
-- Columns
--   run_id        run
--   start_s       seconds, as the trace prints it
--   cpu           CPU
--   task          comm:tid
--   off_ns        ns
--   disabled_by   function that disabled them
--   disabled_in   its caller
--   enabled_by    function that enabled them
-- Needs
--   preempt_disable preempt_enable
-- Cost
--   scans preempt_disable and preempt_enable
WITH step AS (
  SELECT id, run_id, ts_ns, cpu, comm, tid, caller, parent, 1 AS off FROM preempt_disable
  WHERE (:cpu IS NULL OR cpu = :cpu) AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  UNION ALL
  SELECT id, run_id, ts_ns, cpu, comm, tid, caller, parent, 0 FROM preempt_enable
  WHERE (:cpu IS NULL OR cpu = :cpu) AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
),
pair AS (
  SELECT *,
         lead(ts_ns) OVER next - ts_ns AS off_ns, lead(off) OVER next AS next_off, lead(caller) OVER next AS enabled_by
  FROM step
  WINDOW next AS (PARTITION BY run_id, cpu ORDER BY id)
)
SELECT
  p.run_id,
  round((run.base_ns + p.ts_ns) / 1e9, 6) AS start_s,
  p.cpu,
  p.comm || ':' || p.tid AS task,
  p.off_ns,
  p.caller AS disabled_by,
  p.parent AS disabled_in,
  p.enabled_by
FROM pair AS p JOIN run USING (run_id)
WHERE p.off = 1 AND p.next_off = 0
ORDER BY p.off_ns DESC, p.id
LIMIT coalesce(:limit, 20);
