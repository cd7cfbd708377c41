-- Every CPU and task that one grace period waited for, in the order in which they reported.
--
-- Parameters
--   :gp_seq       text    grace period (default: the longest of the run)
--   :run          number  run (default: the first of the store)
-- Columns
--   gp_seq        sequence number as the kernel prints it
--   cpu           CPU whose quiescent state is pending, or on which the reader runs
--   task          comm:tid of a preempted or sleeping reader, NULL when the CPU itself was waited for
--   cause         nmi-storm, cpu-hog, reader-preempted, …; NULL: it lasted less than a second, which needs no cause
--   waited_ns     ns: from the start of the wait until it reported, or the end of the capture
--   after_ns      ns: from the start of the grace period until it reported; NULL when it never did
--   nmi_ns        ns of the wait that the CPU spent in NMIs
--   hardirq_ns    ns: in hard interrupts
--   softirq_ns    ns: in softirqs
WITH longest AS (
  SELECT g.run_id, g.flavor, g.gp_seq, g.start_ns, coalesce(g.end_ns, run.last_ns) AS end_ns, run.last_ns
  FROM grace_period AS g JOIN run USING (run_id)
  WHERE g.run_id = coalesce(:run, (SELECT min(run_id) FROM run))
    AND g.gp_seq IS NOT NULL AND (:gp_seq IS NULL OR g.gp_seq = CAST(:gp_seq AS TEXT))
  ORDER BY coalesce(g.end_ns, run.last_ns) - g.start_ns DESC
  LIMIT 50
),
-- Not all of them have holdouts on record.
target AS (
  SELECT * FROM longest AS l
  WHERE EXISTS (
    SELECT 1 FROM rcu_blocker AS b
    WHERE b.run_id = l.run_id AND b.flavor = l.flavor AND b.gp_seq = l.gp_seq AND b.start_ns BETWEEN l.start_ns AND l.end_ns)
  ORDER BY end_ns - start_ns DESC
  LIMIT 1
)
SELECT
  b.gp_seq,
  b.cpu,
  b.comm || ':' || b.tid AS task,
  b.cause,
  coalesce(b.end_ns, t.last_ns) - b.start_ns AS waited_ns,
  b.end_ns - t.start_ns AS after_ns,
  b.nmi_ns,
  b.hardirq_ns,
  b.softirq_ns
FROM target AS t JOIN rcu_blocker AS b USING (run_id, flavor, gp_seq)
WHERE b.start_ns BETWEEN t.start_ns AND t.end_ns
ORDER BY b.end_ns IS NULL, b.end_ns, b.cpu, b.tid;
