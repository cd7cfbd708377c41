-- Share of each CPU's time in NMIs, hard interrupts and softirqs, and the handler that takes most of it.
--
-- Interrupts nest: an NMI that hits a hard interrupt counts in both rows. Over time: activity-over-time.
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   cpu          CPU
--   kind         nmi, hardirq or softirq
--   count        how many; an NMI that runs several handlers is one
--   total_ns     ns: all of them together
--   share        0…1: of the time for which such interrupts of that CPU were recorded
--   max_ns       ns: the longest
--   worst        handler, vector or softirq of the longest
-- Cost
--   scans context_span
SELECT
  c.run_id,
  c.cpu,
  c.kind,
  CASE c.kind WHEN 'nmi' THEN max(c.of_name) ELSE count(*) END AS count,
  sum(c.end_ns - c.start_ns) AS total_ns,
  round(sum(c.end_ns - c.start_ns) * 1.0 / nullif(span.recorded_ns, 0), 4) AS share,
  max(c.end_ns - c.start_ns) AS max_ns,
  -- SQLite takes the name of the row that has the maximum.
  c.name AS worst
FROM (
  SELECT *, CASE kind WHEN 'nmi' THEN count(*) OVER (PARTITION BY run_id, cpu, name) END AS of_name
  FROM context_span WHERE run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
) AS c JOIN cpu_span AS span ON span.run_id = c.run_id AND span.cpu = c.cpu AND span."of" = c.kind
WHERE c.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY c.run_id, c.cpu, c.kind
ORDER BY c.run_id, c.cpu, c.kind;
