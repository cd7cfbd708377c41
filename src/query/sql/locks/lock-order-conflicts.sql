-- Pairs of lock classes that were taken in both orders, with a witness for each. Longer cycles are findings (lock-inversion).
--
-- Parameters
--   :run          number  one run; every run when not given
-- Columns
--   run_id        run
--   lock          one class
--   other         the other
--   forward       times that other was acquired under lock
--   backward      times that lock was acquired under other
--   forward_event event: first acquisition of other under lock
--   backward_event event: first acquisition of lock under other
SELECT
  e.run_id,
  a.name AS lock,
  b.name AS other,
  e.count AS forward,
  r.count AS backward,
  e.acquire_event AS forward_event,
  r.acquire_event AS backward_event
FROM lock_edge AS e
JOIN lock_edge AS r ON r.run_id = e.run_id AND r.from_class = e.to_class AND r.to_class = e.from_class
JOIN lock_class AS a ON a.run_id = e.run_id AND a.class_id = e.from_class
JOIN lock_class AS b ON b.run_id = e.run_id AND b.class_id = e.to_class
WHERE e.from_class < e.to_class AND e.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY e.run_id, min(e.count, r.count), lock, other;
