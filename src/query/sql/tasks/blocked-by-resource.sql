-- Time in uninterruptible sleep by what the tasks waited for: the function that put them to sleep, from the stacks at context
-- switches (stacktrace trigger on sched_switch, or a perf call chain).
--
-- Parameters
--   :run          number  one run; every run when not given
--   :limit        number  rows (default 50)
-- Columns
--   run_id        run
--   waits_in      innermost function that is not a generic sleeper; NULL when no stack was recorded
--   called_from   its caller
--   sleeps        how often
--   tasks         how many tasks
--   open          still asleep when the capture ended
--   total_ns      ns: all of them together, open ones until the end of the capture
--   max_ns        ns: the longest
--   longest       comm:tid of the longest
-- Cost
--   scans task_state, and the events that carry stacks
WITH carrier AS (
  SELECT id, run_id, ts_ns, tid, stack_id
  FROM event
  WHERE name IN ('sched_switch', 'sched:sched_switch', 'kernel_stack') AND stack_id IS NOT NULL
    AND id BETWEEN (coalesce(:run, 1) - 1) << 36 AND (coalesce(:run, 1 << 26) << 36) - 1
),
-- Functions that only sleep say nothing about what is waited for.
frames AS (
  SELECT c.stack_id, s.depth, s.symbol
  FROM (SELECT DISTINCT stack_id FROM carrier) AS c JOIN stack AS s USING (stack_id)
  WHERE s.symbol NOT IN ('__schedule', 'schedule', 'schedule_preempt_disabled', '__wait_for_common', 'wait_for_common', 'io_schedule',
                         'io_schedule_timeout', '__cond_resched', 'trace_call_bpf', '[FTRACE TRAMPOLINE]')
    AND s.symbol NOT GLOB 'schedule_timeout*' AND s.symbol NOT GLOB 'schedule_hrtimeout*'
    AND s.symbol NOT GLOB 'wait_for_completion*' AND s.symbol NOT GLOB '*sched_switch'
    AND s.symbol NOT GLOB '*stack_trace*' AND s.symbol NOT GLOB 'preempt_schedule*'
),
place AS (
  SELECT stack_id, min(depth) AS depth, symbol AS waits_in,
         (SELECT symbol FROM stack AS s WHERE s.stack_id = frames.stack_id AND s.depth = frames.depth + 1) AS called_from
  FROM frames
  GROUP BY stack_id
),
-- Beginnings of sleeps and stacks of one task in order of time: a stack belongs to the sleep before it.
step AS (
  SELECT run_id, tid, start_ns AS ts_ns, 0 AS is_stack, fact_no AS sleep_no, NULL AS stack_id
  FROM task_state
  WHERE state = 'blocked' AND run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
  UNION ALL
  SELECT run_id, tid, ts_ns, 1, NULL, stack_id FROM carrier
),
pair AS (
  SELECT run_id, sleep_no, lead(is_stack) OVER next AS has_stack, lead(stack_id) OVER next AS stack_id, lead(ts_ns) OVER next AS stack_ns
  FROM step
  WINDOW next AS (PARTITION BY run_id, tid ORDER BY ts_ns, is_stack)
)
SELECT
  s.run_id,
  p.waits_in,
  p.called_from,
  count(*) AS sleeps,
  count(DISTINCT s.tid) AS tasks,
  count(*) - count(s.end_ns) AS open,
  sum(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS total_ns,
  max(coalesce(s.end_ns, run.last_ns) - s.start_ns) AS max_ns,
  -- SQLite takes the task of the row that has the maximum.
  s.comm || ':' || s.tid AS longest
FROM pair
JOIN task_state AS s ON s.run_id = pair.run_id AND s.fact_no = pair.sleep_no
JOIN run ON run.run_id = s.run_id
LEFT JOIN place AS p ON pair.has_stack AND p.stack_id = pair.stack_id AND pair.stack_ns <= coalesce(s.end_ns, run.last_ns)
GROUP BY s.run_id, p.waits_in, p.called_from
ORDER BY total_ns DESC, s.run_id
LIMIT coalesce(:limit, 50);
