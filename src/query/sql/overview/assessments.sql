-- What this recording could decide, and which events were missing where it could not.
--
-- Parameters
--   :run       number  one run; every run when not given
-- Columns
--   run_id     run
--   kind       kind of finding
--   status     assessed, partial or not-assessed
--   missing    events or inputs that would decide it; record them with "quiesce plan --for <kind>"
--   note       what the missing part means for the verdict
SELECT
  a.run_id,
  a.kind,
  a.status,
  (SELECT group_concat(value, '; ') FROM json_each(a.missing)) AS missing,
  a.note
FROM assessment AS a
WHERE a.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY a.run_id, CASE a.status WHEN 'not-assessed' THEN 0 WHEN 'partial' THEN 1 ELSE 2 END, a.kind;
