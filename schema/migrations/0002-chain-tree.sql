-- Chains are trees: side branches hang below the link that waits for them, and each link says by which edge and event it is known.
ALTER TABLE chain_link ADD COLUMN parent INTEGER;   -- position of the link that waits for this one; NULL for the blocked task
ALTER TABLE chain_link ADD COLUMN rule TEXT;        -- edge of the wait-for graph that leads here: W4
ALTER TABLE chain_link ADD COLUMN event_id INTEGER; -- the event that shows it
ALTER TABLE chain_link ADD COLUMN line INTEGER;     -- or the line of the log
ALTER TABLE chain_link ADD COLUMN closes INTEGER;   -- 1: it is on the way already, here the circle closes
