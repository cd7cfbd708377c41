-- The longest waits in synchronize_rcu(), synchronize_srcu(), rcu_barrier() and related calls, and what they waited for in the end.
--
-- Parameters
--   :run         number  one run; every run when not given
--   :api         text    one function
--   :limit       number  rows (default 20)
-- Columns
--   run_id       run
--   api          function called
--   domain       RCU flavour or srcu_struct
--   task         comm:tid of the caller
--   start_s      seconds, as the trace prints it
--   blocked_ns   ns: until it returned, or the end of the capture
--   open         1: still waiting when the capture ended
--   root         what held it up in the end: nmi-storm, cpu-hog, reader-preempted, …; NULL when no finding says
--   finding_id   the finding that explains it
--   confidence   observed or inferred
SELECT
  w.run_id,
  w.api,
  w.domain,
  w.comm || ':' || w.tid AS task,
  round((run.base_ns + w.start_ns) / 1e9, 6) AS start_s,
  coalesce(w.end_ns, run.last_ns) - w.start_ns AS blocked_ns,
  w.end_ns IS NULL AS open,
  coalesce(w.root_kind, json_extract(f.body, '$.root.kind')) AS root,
  f.finding_id,
  w.confidence
FROM sync_wait AS w
JOIN run USING (run_id)
LEFT JOIN finding AS f
  ON f.run_id = w.run_id AND f.kind = 'blocked-sync' AND json_extract(f.body, '$.tid') = w.tid
     AND f.start_ns <= coalesce(w.end_ns, run.last_ns) AND f.end_ns >= w.start_ns
WHERE w.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9) AND (:api IS NULL OR w.api = :api)
GROUP BY w.run_id, w.fact_no
ORDER BY blocked_ns DESC, w.run_id, w.start_ns
LIMIT coalesce(:limit, 20);
