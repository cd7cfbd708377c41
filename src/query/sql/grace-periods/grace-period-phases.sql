-- Where grace periods spend their time: request to start, initialisation, waiting for quiescent states, cleanup (MODEL 2.4).
--
-- A phase is counted where the events that bound it are recorded: rcu_grace_period, rcu_grace_period_init,
-- rcu_quiescent_state_report.
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   flavor       RCU flavour or srcu_struct
--   expedited    1: expedited
--   phase        start: request to start · init: start to last rcu_node · wait: until the last quiescent state · finish: until the end
--   count        grace periods for which it is known
--   p50_ns       ns: half of them took at most this long
--   p99_ns       ns: 99 % of them
--   max_ns       ns: the longest
--   total_ns     ns: all of them together
WITH phase (run_id, flavor, expedited, number, phase, ns) AS (
  SELECT run_id, flavor, expedited, 1, 'start', start_ns - request_ns FROM grace_period
  UNION ALL
  SELECT run_id, flavor, expedited, 2, 'init', init_done_ns - start_ns FROM grace_period
  UNION ALL
  SELECT run_id, flavor, expedited, 3, 'wait', last_report_ns - init_done_ns FROM grace_period
  UNION ALL
  SELECT run_id, flavor, expedited, 4, 'finish', end_ns - last_report_ns FROM grace_period
),
ranked AS (
  SELECT *, row_number() OVER known AS nth, count(*) OVER (PARTITION BY run_id, flavor, expedited, number) AS n
  FROM phase
  WHERE ns IS NOT NULL AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  WINDOW known AS (PARTITION BY run_id, flavor, expedited, number ORDER BY ns)
)
SELECT
  run_id,
  flavor,
  expedited,
  phase,
  n AS count,
  max(CASE WHEN nth <= (n + 1) / 2 THEN ns END) AS p50_ns,
  max(CASE WHEN nth <= (n * 99 + 99) / 100 THEN ns END) AS p99_ns,
  max(ns) AS max_ns,
  sum(ns) AS total_ns
FROM ranked
GROUP BY run_id, flavor, expedited, number
ORDER BY run_id, flavor, expedited, number;
