-- Fields of the recorded events: what the columns of the event views are.
--
-- Parameters
--   :event       text    one kind of event
--   :run         number  one run; every run when not given
-- Columns
--   run_id       run
--   event        kind of event, and the view that shows it
--   position     order of the field in the recording, from 0
--   field        name that the kernel gives it
--   type         int, hex, ptr or str
--   column       column of the view, NULL when it has none
SELECT t.run_id, t.name AS event, f.position, f.name AS field, f.type, f.column_name AS "column"
FROM event_type AS t JOIN event_field AS f USING (type_id)
WHERE (:event IS NULL OR t.name = :event) AND t.run_id BETWEEN coalesce(:run, 0) AND coalesce(:run, 1e9)
ORDER BY t.run_id, t.name, f.position;
