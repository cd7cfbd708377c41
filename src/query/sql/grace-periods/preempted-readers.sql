-- Readers that were preempted inside rcu_read_lock(), who took the CPU from them, and how long they stayed in the section.
--
-- Parameters
--   :run          number  one run; every run when not given
--   :limit        number  rows (default 50)
-- Columns
--   run_id        run
--   time_s        seconds: when it was preempted, as the trace prints it
--   cpu           CPU
--   reader        comm:tid
--   preempted_by  comm:tid that was switched to
--   by_prio       its kernel priority: below 100 is real time
--   blocks_gp     1: a grace period was waiting for it already (E1.5)
--   until_unlock_ns ns: until it left the section, NULL when that was not seen
-- Needs
--   rcu_preempt_task sched_switch rcu_unlock_preempted_task
-- Cost
--   one look-up in sched_switch per preemption
WITH reader AS (
  SELECT r.id, r.run_id, r.ts_ns, r.cpu, r.comm, r.pid, r.gp_seq,
         -- The scheduler reports the reader just before it switches.
         (SELECT s.id FROM sched_switch AS s WHERE s.id > r.id AND s.cpu = r.cpu ORDER BY s.id LIMIT 1) AS switch_id
  FROM rcu_preempt_task AS r
  WHERE r.id BETWEEN (coalesce(:run, 1) - 1) << 36 AND (coalesce(:run, 1 << 26) << 36) - 1
),
-- rcu_preempt is the unlock, rcu_preempt-GPS an announcement at the start of a grace period (E1.3).
step AS (
  SELECT id, run_id, ts_ns, pid, 1 AS preempted FROM reader
  UNION ALL
  SELECT id, run_id, ts_ns, pid, 0 FROM rcu_unlock_preempted_task
  WHERE rcuname NOT GLOB '*-GPS' AND id BETWEEN (coalesce(:run, 1) - 1) << 36 AND (coalesce(:run, 1 << 26) << 36) - 1
),
pair AS (
  SELECT id, preempted, ts_ns,
         lead(ts_ns) OVER next AS next_ns, lead(preempted) OVER next AS next_preempted
  FROM step
  WINDOW next AS (PARTITION BY run_id, pid ORDER BY id)
)
SELECT
  r.run_id,
  round((run.base_ns + r.ts_ns) / 1e9, 6) AS time_s,
  r.cpu,
  r.comm || ':' || r.pid AS reader,
  (SELECT s.next_comm || ':' || s.next_pid FROM sched_switch AS s WHERE s.id = r.switch_id AND s.prev_pid = r.pid) AS preempted_by,
  (SELECT s.next_prio FROM sched_switch AS s WHERE s.id = r.switch_id AND s.prev_pid = r.pid) AS by_prio,
  -- Low two bits of the sequence number: the state of the grace period, 0 when idle.
  (CAST(r.gp_seq AS INTEGER) & 3) <> 0 AS blocks_gp,
  CASE WHEN p.next_preempted = 0 THEN p.next_ns - p.ts_ns END AS until_unlock_ns
FROM reader AS r
JOIN run USING (run_id)
JOIN pair AS p ON p.id = r.id
ORDER BY until_unlock_ns IS NOT NULL, until_unlock_ns DESC, r.id
LIMIT coalesce(:limit, 50);
