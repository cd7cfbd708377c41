-- RCU callbacks by function: how long they waited between call_rcu() and their invocation.
--
-- Parameters
--   :run          number  one run; every run when not given
--   :limit        number  rows (default 50)
-- Columns
--   run_id        run
--   function      callback function; kvfree_rcu for memory that is only freed
--   count         callbacks invoked
--   open          queued and not invoked before the capture ended
--   mean_ns       ns
--   max_ns        ns: the longest, open ones until the end of the capture
--   longest_s     seconds: when that one was queued, as the trace prints it
--   invoked_on    CPU that invoked it, NULL when it was not invoked
-- Cost
--   scans callback
SELECT
  c.run_id,
  c.function,
  count(c.invoked_ns) AS count,
  count(*) - count(c.invoked_ns) AS open,
  CAST(avg(c.invoked_ns - c.queued_ns) AS INTEGER) AS mean_ns,
  max(coalesce(c.invoked_ns, run.last_ns) - c.queued_ns) AS max_ns,
  -- SQLite takes the other columns of the row that has the maximum.
  round((run.base_ns + c.queued_ns) / 1e9, 6) AS longest_s,
  c.cpu AS invoked_on
FROM callback AS c JOIN run USING (run_id)
WHERE c.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY c.run_id, c.function
ORDER BY max_ns DESC, c.run_id, c.function
LIMIT coalesce(:limit, 50);
