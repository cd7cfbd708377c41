-- SRCU read-side sections: how long each task stays in them, per srcu_struct.
--
-- Parameters
--   :domain      text    one srcu_struct
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   domain       srcu_struct
--   comm         reader
--   sections     sections left
--   open         sections still open when the capture ended
--   mean_ns      ns: mean of the sections left
--   max_ns       ns: longest, open ones until the end of the capture
--   longest_s    seconds: start of the longest, as the trace prints it
-- Cost
--   scans srcu_reader
SELECT
  r.run_id,
  r.domain,
  r.comm,
  count(r.end_ns) AS sections,
  count(*) - count(r.end_ns) AS open,
  CAST(avg(r.end_ns - r.start_ns) AS INTEGER) AS mean_ns,
  max(coalesce(r.end_ns, run.last_ns) - r.start_ns) AS max_ns,
  -- SQLite takes the other columns of the row that has the maximum.
  round((run.base_ns + r.start_ns) / 1e9, 6) AS longest_s
FROM srcu_reader AS r JOIN run USING (run_id)
WHERE (:domain IS NULL OR r.domain = :domain) AND r.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY r.run_id, r.domain, r.comm
ORDER BY max_ns DESC, r.run_id
LIMIT coalesce(:limit, 50);
