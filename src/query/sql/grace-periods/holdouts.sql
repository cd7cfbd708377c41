-- Who holds grace periods up: CPUs and preempted readers by the time that grace periods waited for them, and why.
--
-- Parameters
--   :run          number  one run; every run when not given
--   :limit        number  rows (default 50)
-- Columns
--   run_id        run
--   flavor        RCU flavour
--   cpu           CPU whose quiescent state was pending, or on which the reader ran
--   task          comm:tid of a preempted or sleeping reader, NULL when the CPU itself was waited for
--   cause         nmi-storm, cpu-hog, reader-preempted, …; NULL: it lasted less than a second, which needs no cause
--   times         grace periods that waited for it
--   total_ns      ns: all waits together
--   max_ns        ns: the longest wait
--   nmi_share     0…1: of the waits, the CPU spent in NMIs
--   hardirq_share 0…1: in hard interrupts
--   softirq_share 0…1: in softirqs
SELECT
  b.run_id,
  b.flavor,
  b.cpu,
  b.comm || ':' || b.tid AS task,
  b.cause,
  count(*) AS times,
  sum(coalesce(b.end_ns, run.last_ns) - b.start_ns) AS total_ns,
  max(coalesce(b.end_ns, run.last_ns) - b.start_ns) AS max_ns,
  round(sum(b.nmi_ns) * 1.0 / nullif(sum(coalesce(b.end_ns, run.last_ns) - b.start_ns), 0), 3) AS nmi_share,
  round(sum(b.hardirq_ns) * 1.0 / nullif(sum(coalesce(b.end_ns, run.last_ns) - b.start_ns), 0), 3) AS hardirq_share,
  round(sum(b.softirq_ns) * 1.0 / nullif(sum(coalesce(b.end_ns, run.last_ns) - b.start_ns), 0), 3) AS softirq_share
FROM rcu_blocker AS b JOIN run USING (run_id)
WHERE b.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY b.run_id, b.flavor, b.cpu, b.comm, b.tid, b.cause
ORDER BY total_ns DESC, b.run_id, b.cpu
LIMIT coalesce(:limit, 50);
