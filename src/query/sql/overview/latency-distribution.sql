-- Distribution of one metric in powers of two, as the kernel's own histogram tools print it. Runs and labels are added up.
--
-- Parameters
--   :metric      text    metric (default rcu-gp)
--   :label       text    one label of it: a handler, lock class, domain, task, work function
--   :run         number  one run; every run together when not given
-- Columns
--   from_ns      ns: lower end, included
--   to_ns        ns: upper end, not included
--   count        intervals of that length
--   share        0…1: of all
--   so_far       0…1: of all, this row and those above
--   bar          the same, drawn
WITH powers (low, high) AS (
  SELECT 0, 1
  UNION ALL
  SELECT high, high * 2 FROM powers WHERE high < 1 << 52
),
slice AS (
  SELECT low, high, sum(b.count) AS n
  FROM powers JOIN histogram_bucket AS b ON b.low_ns >= low AND b.low_ns < high
  WHERE b.metric = coalesce(:metric, 'rcu-gp')
    AND (:label IS NULL OR b.label = :label)
    AND b.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  GROUP BY low
)
SELECT
  low AS from_ns,
  high AS to_ns,
  n AS count,
  round(n * 1.0 / sum(n) OVER (), 4) AS share,
  round(sum(n) OVER (ORDER BY low) * 1.0 / sum(n) OVER (), 4) AS so_far,
  substr('****************************************', 1, CAST(round(40.0 * n / max(n) OVER ()) AS INTEGER)) AS bar
FROM slice
ORDER BY low;
