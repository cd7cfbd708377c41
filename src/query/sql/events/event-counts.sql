-- How many events of each kind, and how many per second.
--
-- Parameters
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   system       tracing system: sched, lock, rcu, …
--   name         kind of event, and the view that shows it
--   shape        tracepoint, kprobe, kretprobe, syscall, sample or marker
--   events       how many
--   per_second   over the whole run
SELECT
  t.run_id,
  t.system,
  t.name,
  t.shape,
  t.events,
  round(t.events * 1e9 / nullif(run.last_ns - run.first_ns, 0), 1) AS per_second
FROM event_type AS t JOIN run USING (run_id)
WHERE t.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND t.events > 0
ORDER BY t.run_id, t.events DESC, t.name;
