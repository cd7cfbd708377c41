-- The verdicts, in the order of the report.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :kind        text    one kind of finding: rcu-stall, lock-inversion, …
-- Columns
--   run_id       run
--   finding_id   the same in every replay of the capture
--   severity     error, warning or info
--   confidence   reported by the kernel, observed in events, inferred, or predicted
--   title        the verdict in one line
--   start_s      seconds: first and
--   end_s        seconds: last instant at which it held, as the trace prints them
--   evidence     events and log lines that prove it
SELECT
  f.run_id,
  f.finding_id,
  f.severity,
  f.confidence,
  f.title,
  round((run.base_ns + f.start_ns) / 1e9, 6) AS start_s,
  round((run.base_ns + f.end_ns) / 1e9, 6) AS end_s,
  (SELECT count(*) FROM finding_evidence AS e WHERE e.run_id = f.run_id AND e.finding = f.position) AS evidence
FROM finding AS f JOIN run USING (run_id)
WHERE f.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:kind IS NULL OR f.kind = :kind)
ORDER BY f.run_id, f.position;
