-- Events and log lines that prove a finding, in order.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :finding     text    one finding (finding_id); every finding when not given
--   :limit       number  rows (default 200)
-- Columns
--   run_id       run
--   finding_id   finding
--   role         what it proves
--   event_id     event, NULL for a line of the kernel log
--   line         line of the kernel log
--   time_s       seconds, as the trace prints it
--   cpu          CPU of the event
--   comm         task of the event
--   tid          thread id of the event
--   name         kind of event
SELECT
  e.run_id,
  e.finding_id,
  e.role,
  e.event_id,
  e.line,
  round((run.base_ns + event.ts_ns) / 1e9, 6) AS time_s,
  event.cpu,
  event.comm,
  event.tid,
  event.name
FROM (
  SELECT * FROM finding_evidence
  WHERE run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:finding IS NULL OR finding_id = :finding)
  ORDER BY run_id, finding, position
  LIMIT coalesce(:limit, 200)
) AS e
JOIN run ON run.run_id = e.run_id
LEFT JOIN event ON event.id = e.event_id
ORDER BY e.run_id, e.finding, e.position;
