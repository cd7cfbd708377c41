-- Rows when they are asked for. Version 2: the events of a kind may be in the pages alone (event_page) until somebody asks for its rows.
--
-- The view of such a kind, and the view "event", have their columns and fail when they are read, with a message that says what to do:
-- "rows of sched_switch are still in pages: run quiesce rows FILE".

ALTER TABLE event_type ADD COLUMN has_rows INTEGER NOT NULL DEFAULT 1; -- 0: its events are in the pages alone, until quiesce query or quiesce rows brings their rows

CREATE INDEX event_type_without_rows ON event_type (relation) WHERE has_rows = 0;
