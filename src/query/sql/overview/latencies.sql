-- Every latency that quiesce measures: counts and percentiles per metric and label. Percentiles are exact to 1.6 %.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :metric      text    one metric: rcu-gp, synchronize-srcu, nmi, lock-hold, …
-- Columns
--   run_id       run
--   metric       metric
--   label        what the metric is grouped by: handler, lock class, domain, task, work function
--   count        finished intervals
--   open         intervals still open at the end of the capture
--   p50_ns       ns: half of them took at most this long
--   p99_ns       ns: 99 % of them took at most this long
--   max_ns       ns: the longest
--   total_ns     ns: all of them together
WITH seen AS (
  SELECT run_id, metric, label, low_ns, high_ns,
         sum(count) OVER (PARTITION BY run_id, metric, label ORDER BY bucket) AS so_far
  FROM histogram_bucket
  WHERE run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:metric IS NULL OR metric = :metric)
)
SELECT
  h.run_id,
  h.metric,
  h.label,
  h.count,
  h.open_count AS open,
  -- The percentile lies in the first bucket that reaches its rank; the last rank is the exact maximum.
  CASE WHEN (h.count + 1) / 2 >= h.count THEN h.max_ns
       ELSE max(h.min_ns, min(h.max_ns, min(CASE WHEN so_far >= (h.count + 1) / 2 THEN (low_ns + high_ns) / 2 END))) END AS p50_ns,
  CASE WHEN (h.count * 99 + 99) / 100 >= h.count THEN h.max_ns
       ELSE max(h.min_ns, min(h.max_ns, min(CASE WHEN so_far >= (h.count * 99 + 99) / 100 THEN (low_ns + high_ns) / 2 END))) END AS p99_ns,
  h.max_ns,
  h.sum_ns AS total_ns
FROM histogram AS h LEFT JOIN seen USING (run_id, metric, label)
WHERE h.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:metric IS NULL OR h.metric = :metric)
GROUP BY h.run_id, h.metric, h.label
ORDER BY h.run_id, h.metric, h.sum_ns DESC, h.label;
