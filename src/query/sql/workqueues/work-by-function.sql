-- Work functions: how long their items waited for a worker, and how long they ran.
--
-- Parameters
--   :run           number  one run; every run when not given
-- Columns
--   run_id         run
--   workqueue      workqueue; '' when the queueing was not recorded
--   function       work function
--   count          items that started
--   waiting        items queued and never started before the capture ended
--   queued_mean_ns ns: queued to started, mean
--   queued_max_ns  ns: the longest, items that never started until the end of the capture
--   run_mean_ns    ns: execution, mean
--   run_max_ns     ns: the longest
--   run_total_ns   ns: all of them together
SELECT
  w.run_id,
  w.workqueue,
  w.function,
  count(w.start_ns) AS count,
  count(*) - count(w.start_ns) AS waiting,
  CAST(avg(w.start_ns - w.queued_ns) AS INTEGER) AS queued_mean_ns,
  max(coalesce(w.start_ns, run.last_ns) - w.queued_ns) AS queued_max_ns,
  CAST(avg(w.end_ns - w.start_ns) AS INTEGER) AS run_mean_ns,
  max(w.end_ns - w.start_ns) AS run_max_ns,
  sum(w.end_ns - w.start_ns) AS run_total_ns
FROM work_item AS w JOIN run USING (run_id)
WHERE w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
GROUP BY w.run_id, w.workqueue, w.function
ORDER BY queued_max_ns DESC, w.run_id, w.function;
