-- Lock order: what was acquired while a class was held, and what it was acquired under, with the first witness.
--
-- Parameters
--   :lock          text    one lock class, on either side
--   :run           number  one run; every run when not given
--   :limit         number  rows (default 200)
-- Columns
--   run_id         run
--   held           lock class held
--   acquired       lock class acquired under it
--   dependency     ER, EN, SR, SN as lockdep names them (exclusive or shared, then recursive reader or not)
--   count          how often
--   held_event     event: first acquisition of the held one
--   acquire_event  event: first acquisition under it
--   tid            task of the first witness
--   context        context of the first witness
SELECT
  e.run_id,
  h.name AS held,
  a.name AS acquired,
  e.dependency,
  e.count,
  e.held_event,
  e.acquire_event,
  e.tid,
  e.context
FROM lock_edge AS e
JOIN lock_class AS h ON h.run_id = e.run_id AND h.class_id = e.from_class
JOIN lock_class AS a ON a.run_id = e.run_id AND a.class_id = e.to_class
WHERE (:lock IS NULL OR h.name = :lock OR a.name = :lock) AND e.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY e.run_id, held, acquired
LIMIT coalesce(:limit, 200);
