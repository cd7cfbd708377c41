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
  SELECT c.cpu, c.kind, max(c.start_ns, t.first_ns) AS start_ns, min(c.end_ns, t.last_ns) AS end_ns, t.first_ns, t.slice_ns
  FROM target AS t JOIN context_span AS c USING (run_id)
  UNION ALL
  SELECT s.cpu, 'task', max(s.start_ns, t.first_ns), min(coalesce(s.end_ns, t.last_ns), t.last_ns), t.first_ns, t.slice_ns
  FROM target AS t JOIN task_state AS s USING (run_id)
  WHERE s.state = 'running' AND s.tid <> 0 AND s.cpu IS NOT NULL
),
-- One row per span and slice that it touches; spans within one slice are added up first.
part (cpu, kind, slice, ns, start_ns, end_ns, first_ns, slice_ns) AS (
  SELECT cpu, kind, (start_ns - first_ns) / slice_ns, sum(end_ns - start_ns), NULL, NULL, NULL, NULL
  FROM span
  WHERE (start_ns - first_ns) / slice_ns = (end_ns - first_ns) / slice_ns
  GROUP BY 1, 2, 3
  UNION ALL
  SELECT cpu, kind, (start_ns - first_ns) / slice_ns,
         first_ns + ((start_ns - first_ns) / slice_ns + 1) * slice_ns - start_ns, start_ns, end_ns, first_ns, slice_ns
  FROM span
  WHERE (start_ns - first_ns) / slice_ns < (end_ns - first_ns) / slice_ns
  UNION ALL
  SELECT cpu, kind, slice + 1, min(end_ns, first_ns + (slice + 2) * slice_ns) - (first_ns + (slice + 1) * slice_ns),
         start_ns, end_ns, first_ns, slice_ns
  FROM part
  WHERE end_ns > first_ns + (slice + 1) * slice_ns
)
SELECT
  round((t.base_ns + t.first_ns + p.slice * t.slice_ns) / 1e9, 6) AS time_s,
  p.cpu,
  round(sum(CASE p.kind WHEN 'nmi' THEN p.ns ELSE 0 END) * 1.0 / t.slice_ns, 4) AS nmi,
  round(sum(CASE p.kind WHEN 'hardirq' THEN p.ns ELSE 0 END) * 1.0 / t.slice_ns, 4) AS hardirq,
  round(sum(CASE p.kind WHEN 'softirq' THEN p.ns ELSE 0 END) * 1.0 / t.slice_ns, 4) AS softirq,
  round(sum(CASE p.kind WHEN 'task' THEN p.ns ELSE 0 END) * 1.0 / t.slice_ns, 4) AS tasks
FROM part AS p, target AS t
GROUP BY p.slice, p.cpu
ORDER BY p.slice, p.cpu;
