-- Grace periods that ran for more than half of the stall timeout: stalls and near misses that the kernel did not print (R2.63).
--
-- Parameters
--   :timeout_s   number  stall timeout in seconds (default: the one that the verdicts of the run go by)
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   flavor       RCU flavour
--   gp_seq       sequence number as the kernel prints it
--   start_s      seconds, as the trace prints it
--   duration_ns  ns: until its end, or the end of the capture
--   of_timeout   duration as a multiple of the timeout: from 1 on the kernel would have warned at the next tick
--   holdouts     CPUs and tasks that reported last, or are still pending
WITH kernel AS (
  SELECT run_id, base_ns, last_ns, coalesce(:timeout_s * 1e9, stall_timeout_ns) AS timeout_ns
  FROM run
)
SELECT
  g.run_id,
  g.flavor,
  g.gp_seq,
  round((k.base_ns + g.start_ns) / 1e9, 6) AS start_s,
  coalesce(g.end_ns, k.last_ns) - g.start_ns AS duration_ns,
  round(1.0 * (coalesce(g.end_ns, k.last_ns) - g.start_ns) / k.timeout_ns, 2) AS of_timeout,
  g.holdouts
FROM grace_period AS g JOIN kernel AS k USING (run_id)
WHERE g.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  AND g.flavor GLOB 'rcu_*' AND g.expedited = 0
  AND coalesce(g.end_ns, k.last_ns) - g.start_ns > k.timeout_ns / 2.0
ORDER BY duration_ns DESC;
