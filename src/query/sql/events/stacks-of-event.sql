-- The stack recorded with an event, or directly after it by a stacktrace trigger.
--
-- Parameters
--   :event       number  event, the id column of the event views (default: the first one that has a stack)
-- Columns
--   event_id     event that carries the stack
--   depth        0 is the innermost frame
--   symbol       function
--   offset       bytes into it, NULL when unknown
--   module       NULL for the kernel itself
WITH target AS (
  SELECT id, cpu, tid FROM event
  WHERE id = coalesce(:event, (SELECT min(id) FROM event WHERE stack_id IS NOT NULL))
),
carrier AS (
  SELECT e.id, e.stack_id
  FROM target AS t, event AS e
  WHERE e.id BETWEEN t.id AND t.id + 64 AND e.stack_id IS NOT NULL
    AND (e.id = t.id OR (e.name = 'kernel_stack' AND e.cpu = t.cpu AND e.tid = t.tid))
  ORDER BY e.id
  LIMIT 1
)
SELECT c.id AS event_id, s.depth, s.symbol, s.offset, s.module
FROM carrier AS c JOIN stack AS s USING (stack_id)
ORDER BY s.depth;
