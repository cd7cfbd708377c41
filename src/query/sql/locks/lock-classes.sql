-- Lock classes as the recording tells them apart, with their usage and how often they nest.
--
-- Parameters
--   :lock        text    one lock class
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   lock         lock class
--   instances    addresses seen
--   wait_type    spin, config, sleep, … as far as known
--   usage        lockdep's usage characters, as far as observed
--   under        classes that it was acquired under
--   over         classes that were acquired under it
SELECT
  c.run_id,
  c.name AS lock,
  c.instances,
  c.wait_type,
  c.usage,
  (SELECT count(*) FROM lock_edge AS e WHERE e.run_id = c.run_id AND e.to_class = c.class_id) AS under,
  (SELECT count(*) FROM lock_edge AS e WHERE e.run_id = c.run_id AND e.from_class = c.class_id) AS over
FROM lock_class AS c
WHERE (:lock IS NULL OR c.name = :lock) AND c.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY c.run_id, lock;
