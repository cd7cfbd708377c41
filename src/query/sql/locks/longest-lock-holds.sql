-- The longest single holds of locks.
--
-- Parameters
--   :lock        text    one lock class
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 20)
-- Columns
--   run_id       run
--   lock         lock class
--   tid          holder
--   cpu          CPU on which it was acquired
--   read         1: shared
--   start_s      seconds, as the trace prints it
--   held_ns      ns
-- Cost
--   scans lock_hold
WITH longest AS (
  SELECT * FROM lock_hold AS h
  WHERE h.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
    AND (:lock IS NULL OR h.class_id IN (SELECT class_id FROM lock_class AS c WHERE c.run_id = h.run_id AND c.name = :lock))
  ORDER BY h.end_ns - h.start_ns DESC
  LIMIT coalesce(:limit, 20)
)
SELECT
  h.run_id,
  c.name AS lock,
  h.tid,
  h.cpu,
  h.read,
  round((run.base_ns + h.start_ns) / 1e9, 6) AS start_s,
  h.end_ns - h.start_ns AS held_ns
FROM longest AS h JOIN run USING (run_id) JOIN lock_class AS c USING (run_id, class_id)
ORDER BY held_ns DESC, h.run_id, h.start_ns;
