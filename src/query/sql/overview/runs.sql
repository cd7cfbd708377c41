-- The runs of this store: where they come from, how long they are, what was found.
--
-- Parameters
--   :run        number  one run; every run when not given
-- Columns
--   run_id      run
--   name        name of the run
--   release     kernel release, NULL when the captures do not tell it
--   cpus        CPUs
--   events      events stored
--   lost        events that the recorder lost
--   lost_least  1: gaps of unknown size are among the lost, so there may be more
--   start_s     seconds: time of the first event of the trace, as the trace prints it
--   span_s      seconds: first to last event of the trace, whatever a log beside it covers
--   errors      findings of severity error
--   warnings    findings of severity warning
--   captures    files
SELECT
  run_id,
  name,
  release,
  cpus,
  events,
  lost,
  EXISTS (SELECT 1 FROM import_issue AS i WHERE i.run_id = run.run_id AND kind = 'loss-unsized') AS lost_least,
  round((base_ns + first_ns) / 1e9, 6) AS start_s,
  round((last_ns - first_ns) / 1e9, 6) AS span_s,
  (SELECT count(*) FROM finding AS f WHERE f.run_id = run.run_id AND severity = 'error') AS errors,
  (SELECT count(*) FROM finding AS f WHERE f.run_id = run.run_id AND severity = 'warning') AS warnings,
  (SELECT group_concat(path, ' ') FROM capture AS c WHERE c.run_id = run.run_id) AS captures
FROM run
WHERE run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY run_id;
