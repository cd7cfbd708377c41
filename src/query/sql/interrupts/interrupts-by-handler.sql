-- NMI handlers, interrupt vectors and softirq actions: how often, how long.
--
-- Parameters
--   :kind        text    nmi, hardirq or softirq; all when not given
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   kind         nmi, hardirq or softirq
--   name         handler, vector or softirq
--   count        how many
--   per_second   over the whole run
--   p50_ns       ns: half of them took at most this long (exact to 1.6 %)
--   p99_ns       ns: 99 % of them
--   max_ns       ns: the longest
--   total_ns     ns: all of them together
WITH seen AS (
  SELECT run_id, metric, label, low_ns, high_ns,
         sum(count) OVER (PARTITION BY run_id, metric, label ORDER BY bucket) AS so_far
  FROM histogram_bucket
  WHERE metric IN ('nmi', 'hardirq', 'softirq') AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
)
SELECT
  h.run_id,
  h.metric AS kind,
  h.label AS name,
  h.count,
  round(h.count * 1e9 / nullif(run.last_ns - run.first_ns, 0), 1) AS per_second,
  CASE WHEN (h.count + 1) / 2 >= h.count THEN h.max_ns
       ELSE max(h.min_ns, min(h.max_ns, min(CASE WHEN so_far >= (h.count + 1) / 2 THEN (low_ns + high_ns) / 2 END))) END AS p50_ns,
  CASE WHEN (h.count * 99 + 99) / 100 >= h.count THEN h.max_ns
       ELSE max(h.min_ns, min(h.max_ns, min(CASE WHEN so_far >= (h.count * 99 + 99) / 100 THEN (low_ns + high_ns) / 2 END))) END AS p99_ns,
  h.max_ns,
  h.sum_ns AS total_ns
FROM histogram AS h JOIN run USING (run_id) JOIN seen USING (run_id, metric, label)
WHERE :kind IS NULL OR h.metric = :kind
GROUP BY h.run_id, h.metric, h.label
ORDER BY h.run_id, total_ns DESC, name;
