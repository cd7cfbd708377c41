-- The longest grace periods, RCU and SRCU, and who held them up. Open ones count until the end of the capture.
--
-- Parameters
--   :run          number  one run; every run when not given
--   :flavor       text    rcu_preempt, rcu_sched, or the name of an srcu_struct
--   :limit        number  rows (default 20)
-- Columns
--   run_id        run
--   flavor        RCU flavour or srcu_struct
--   gp_seq        sequence number as the kernel prints it
--   expedited     1: expedited
--   start_s       seconds, as the trace prints it
--   duration_ns   ns: start to end
--   open          1: still running when the capture ended
--   holdouts      CPUs and tasks that reported last, or are still pending
--   confidence    observed: its events are there · inferred: from what waits for it
SELECT
  g.run_id,
  g.flavor,
  g.gp_seq,
  g.expedited,
  round((run.base_ns + g.start_ns) / 1e9, 6) AS start_s,
  coalesce(g.end_ns, run.last_ns) - g.start_ns AS duration_ns,
  g.end_ns IS NULL AS open,
  g.holdouts,
  g.confidence
FROM grace_period AS g JOIN run USING (run_id)
WHERE g.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:flavor IS NULL OR g.flavor = :flavor)
ORDER BY duration_ns DESC, g.run_id, g.start_ns
LIMIT coalesce(:limit, 20);
