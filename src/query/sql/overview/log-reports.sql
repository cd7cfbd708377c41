-- Reports of the kernel log (lockdep, RCU stall detector, hung tasks, lockups) with the line where they begin.
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   time_s       seconds, as the trace prints it
--   kind         kind of report
--   cpu          CPU that printed it, NULL when unknown
--   line         first line; 0 when it came from printk:console events
--   end_line     last line
--   report       the report, JSON
SELECT
  r.run_id,
  round((run.base_ns + r.ts_ns) / 1e9, 6) AS time_s,
  r.kind,
  r.cpu,
  r.line,
  r.end_line,
  r.body AS report
FROM log_report AS r JOIN run USING (run_id)
WHERE r.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY r.run_id, r.ts_ns, r.report_id;
