-- The events around an instant, of one CPU or all.
--
-- Parameters
--   :at          number  seconds, as the trace prints them (default: the end of the run)
--   :window_ms   number  how far to look, before and after (default 1)
--   :run         number  run (default: the first of the store)
--   :cpu         number  one CPU
--   :tid         number  one task
--   :limit       number  rows (default 500)
-- Columns
--   event_id     event
--   time_s       seconds, as the trace prints it
--   distance_us  µs from the instant, negative before
--   cpu          CPU
--   comm         task
--   tid          thread id
--   flags        the five characters that the kernel prints (d.h2.)
--   name         kind of event: its fields are in the view of that name, WHERE id = event_id
WITH target AS (
  SELECT run_id, base_ns,
         coalesce(CAST(:at * 1e9 AS INTEGER) - base_ns, last_ns) AS at_ns,
         CAST(coalesce(:window_ms, 1) * 1e6 AS INTEGER) AS window_ns
  FROM run
  WHERE run_id = coalesce(:run, (SELECT min(run_id) FROM run))
),
-- A time range is an id range: the pages tell which.
span AS (
  SELECT min(p.first_event_id) AS low, max(p.first_event_id + p.records) AS high
  FROM target AS t JOIN event_page AS p USING (run_id)
  WHERE p.last_ns >= t.at_ns - t.window_ns AND p.first_ns <= t.at_ns + t.window_ns
)
SELECT
  e.id AS event_id,
  round((t.base_ns + e.ts_ns) / 1e9, 9) AS time_s,
  (e.ts_ns - t.at_ns) / 1e3 AS distance_us,
  e.cpu,
  e.comm,
  e.tid,
  e.flags,
  e.name
FROM event AS e, target AS t
WHERE e.id BETWEEN (SELECT low FROM span) AND (SELECT high FROM span)
  AND e.ts_ns BETWEEN t.at_ns - t.window_ns AND t.at_ns + t.window_ns
  AND (:cpu IS NULL OR e.cpu = :cpu)
  AND (:tid IS NULL OR e.tid = :tid)
ORDER BY e.id
LIMIT coalesce(:limit, 500);
