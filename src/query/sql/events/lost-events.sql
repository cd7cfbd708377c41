-- Gaps: where the recorder lost events. What spans a gap is known less well (intervals across it may be two).
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   time_s       seconds, as the trace prints it: the gap ends here
--   cpu          CPU whose events are missing
--   lost         events lost, NULL when the recorder does not know
--   event_id     the marker
SELECT
  l.run_id,
  round((run.base_ns + l.ts_ns) / 1e9, 6) AS time_s,
  l.cpu,
  l.count AS lost,
  l.event_id
FROM lost_event AS l JOIN run USING (run_id)
WHERE l.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY l.event_id;
