-- What ran on each CPU over time: time slices with the shares of NMI, interrupts, softirqs and tasks. Idle is what remains.
--
-- Interrupts nest, so a slice may add up to more than 1 when an NMI hits a hard interrupt.
--
-- Parameters
--   :slice_ms    number  length of a slice (default: a fortieth of the run)
--   :run         number  run (default: the first of the store)
-- Columns
--   time_s       seconds: start of the slice, as the trace prints it
--   cpu          CPU
--   nmi          0…1: share of the slice in NMI handlers
--   hardirq      0…1: in hard interrupts
--   softirq      0…1: in softirqs
--   tasks        0…1: with a task other than idle on the CPU, interrupts included
-- Cost
--   scans context_span and task_state
WITH RECURSIVE target AS (
  SELECT run_id, base_ns, first_ns, last_ns,
         max(1, CAST(coalesce(:slice_ms * 1e6, (last_ns - first_ns) / 40.0) AS INTEGER)) AS slice_ns
  FROM run
  WHERE run_id = coalesce(:run, (SELECT min(run_id) FROM run))
),
span AS (
  SELECT c.cpu, CASE c.kind WHEN 'nmi' THEN 0 WHEN 'hardirq' THEN 1 ELSE 2 END AS kind,
         max(c.start_ns, t.first_ns) - t.first_ns AS start_ns, min(c.end_ns, t.last_ns) - t.first_ns AS end_ns, t.slice_ns
  FROM target AS t JOIN context_span AS c USING (run_id)
  UNION ALL
  SELECT s.cpu, 3, max(s.start_ns, t.first_ns) - t.first_ns, min(coalesce(s.end_ns, t.last_ns), t.last_ns) - t.first_ns, t.slice_ns
  FROM target AS t JOIN task_state AS s USING (run_id)
  WHERE s.state = 'running' AND s.tid <> 0 AND s.cpu IS NOT NULL
),
-- What of each span lies in the slice in which it begins. One number stands for slice and CPU: it sorts faster than two.
first_part AS (
  SELECT start_ns / slice_ns * 65536 + cpu AS cell,
         sum(CASE WHEN kind = 0 THEN min(end_ns, (start_ns / slice_ns + 1) * slice_ns) - start_ns ELSE 0 END) AS nmi,
         sum(CASE WHEN kind = 1 THEN min(end_ns, (start_ns / slice_ns + 1) * slice_ns) - start_ns ELSE 0 END) AS hardirq,
         sum(CASE WHEN kind = 2 THEN min(end_ns, (start_ns / slice_ns + 1) * slice_ns) - start_ns ELSE 0 END) AS softirq,
         sum(CASE WHEN kind = 3 THEN min(end_ns, (start_ns / slice_ns + 1) * slice_ns) - start_ns ELSE 0 END) AS tasks
  FROM span
  GROUP BY 1
),
-- The slices after it, for the few spans that reach there.
later_part (cpu, kind, slice, end_ns, slice_ns) AS (
  SELECT cpu, kind, start_ns / slice_ns + 1, end_ns, slice_ns FROM span WHERE end_ns > (start_ns / slice_ns + 1) * slice_ns
  UNION ALL
  SELECT cpu, kind, slice + 1, end_ns, slice_ns FROM later_part WHERE end_ns > (slice + 1) * slice_ns
),
part AS (
  SELECT * FROM first_part
  UNION ALL
  SELECT slice * 65536 + cpu,
         CASE WHEN kind = 0 THEN min(end_ns, (slice + 1) * slice_ns) - slice * slice_ns ELSE 0 END,
         CASE WHEN kind = 1 THEN min(end_ns, (slice + 1) * slice_ns) - slice * slice_ns ELSE 0 END,
         CASE WHEN kind = 2 THEN min(end_ns, (slice + 1) * slice_ns) - slice * slice_ns ELSE 0 END,
         CASE WHEN kind = 3 THEN min(end_ns, (slice + 1) * slice_ns) - slice * slice_ns ELSE 0 END
  FROM later_part
)
SELECT
  round((t.base_ns + t.first_ns + (p.cell >> 16) * t.slice_ns) / 1e9, 6) AS time_s,
  p.cell & 65535 AS cpu,
  round(sum(p.nmi) * 1.0 / t.slice_ns, 4) AS nmi,
  round(sum(p.hardirq) * 1.0 / t.slice_ns, 4) AS hardirq,
  round(sum(p.softirq) * 1.0 / t.slice_ns, 4) AS softirq,
  round(sum(p.tasks) * 1.0 / t.slice_ns, 4) AS tasks
FROM part AS p, target AS t
GROUP BY p.cell
ORDER BY p.cell;
