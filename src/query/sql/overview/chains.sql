-- Chains of blocked waiters: link by link from the blocked task to the root, with the time that each link cost.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :finding     text    one finding (finding_id)
-- Columns
--   run_id       run
--   finding_id   finding
--   link         1 is the blocked task
--   kind         task, lock, rcu-gp, srcu-gp, work, worker, reader, cpu, nmi, …
--   name         who or what
--   waits_from   link that waits for this one: side branches follow the way to the root
--   rule         edge of the wait-for graph (W4: a grace period needs a quiescent state of a CPU)
--   blame_ns     ns: exclusive share of the blocked time
--   share        0…1: of the blocked time
--   note         what it was doing
--   event_id     the event that shows it
--   line         or the line of the kernel log
SELECT
  l.run_id,
  l.finding_id,
  l.position AS link,
  l.kind,
  l.name,
  l.parent AS waits_from,
  l.rule,
  l.blame_ns,
  round(l.blame_ns * 1.0 / nullif(sum(l.blame_ns) OVER (PARTITION BY l.run_id, l.finding), 0), 3) AS share,
  l.note,
  l.event_id,
  l.line
FROM chain_link AS l
WHERE l.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:finding IS NULL OR l.finding_id = :finding)
ORDER BY l.run_id, l.finding, l.position;
