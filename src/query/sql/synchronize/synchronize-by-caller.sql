-- Who waits for grace periods, in which function, how often and how long.
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   api          function called
--   domain       RCU flavour or srcu_struct
--   comm         caller
--   count        finished calls
--   open         calls still waiting when the capture ended
--   p50_ns       ns: half of the finished calls took at most this long
--   p99_ns       ns: 99 % of them
--   max_ns       ns: the longest
--   total_ns     ns: all of them together
WITH ranked AS (
  SELECT run_id, api, domain, comm, end_ns - start_ns AS ns,
         row_number() OVER (PARTITION BY run_id, api, domain, comm, end_ns IS NULL ORDER BY end_ns - start_ns) AS nth,
         count(end_ns) OVER (PARTITION BY run_id, api, domain, comm) AS n
  FROM sync_wait
  WHERE run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
)
SELECT
  run_id,
  api,
  domain,
  comm,
  n AS count,
  count(*) - n AS open,
  max(CASE WHEN nth <= (n + 1) / 2 THEN ns END) AS p50_ns,
  max(CASE WHEN nth <= (n * 99 + 99) / 100 THEN ns END) AS p99_ns,
  max(ns) AS max_ns,
  sum(ns) AS total_ns
FROM ranked
GROUP BY run_id, api, domain, comm
ORDER BY total_ns DESC, run_id, api, comm;
