-- What could not be read from the captures, or was read with a doubt.
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   capture      file
--   kind         code of the problem
--   severity     data-loss, skipped or note
--   count        how often
--   first_line   line of the first occurrence, for text
--   first_byte   byte offset of the first occurrence, for binary captures
--   first_text   excerpt of the first occurrence
SELECT run_id, capture, kind, severity, count, first_line, first_byte, first_text
FROM import_issue
WHERE run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY run_id, CASE severity WHEN 'data-loss' THEN 0 WHEN 'skipped' THEN 1 ELSE 2 END, count DESC, kind;
