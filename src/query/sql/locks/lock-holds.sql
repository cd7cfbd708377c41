-- How long locks are held, by class.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :limit       number  rows (default 50)
-- Columns
--   run_id       run
--   lock         lock class
--   count        holds
--   p50_ns       ns: half of them lasted at most this long (exact to 1.6 %)
--   p99_ns       ns: 99 % of them
--   max_ns       ns: the longest
--   total_ns     ns: all of them together
WITH seen AS (
  SELECT run_id, label, low_ns, high_ns,
         sum(count) OVER (PARTITION BY run_id, label ORDER BY bucket) AS so_far
  FROM histogram_bucket
  WHERE metric = 'lock-hold' AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
)
SELECT
  h.run_id,
  h.label AS lock,
  h.count,
  CASE WHEN (h.count + 1) / 2 >= h.count THEN h.max_ns
       ELSE max(h.min_ns, min(h.max_ns, min(CASE WHEN so_far >= (h.count + 1) / 2 THEN (low_ns + high_ns) / 2 END))) END AS p50_ns,
  CASE WHEN (h.count * 99 + 99) / 100 >= h.count THEN h.max_ns
       ELSE max(h.min_ns, min(h.max_ns, min(CASE WHEN so_far >= (h.count * 99 + 99) / 100 THEN (low_ns + high_ns) / 2 END))) END AS p99_ns,
  h.max_ns,
  h.sum_ns AS total_ns
FROM histogram AS h JOIN seen USING (run_id, label)
WHERE h.metric = 'lock-hold'
GROUP BY h.run_id, h.label
ORDER BY h.max_ns DESC, h.run_id, lock
LIMIT coalesce(:limit, 50);
