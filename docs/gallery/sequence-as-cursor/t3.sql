-- Delivers all events above the one remembered and remembers the highest delivered.
BEGIN;
INSERT INTO deliveries (event_id)
SELECT e.id FROM events AS e JOIN consumers AS c ON c.id = 1 AND e.id > c.last_event_id;
UPDATE consumers SET last_event_id = (SELECT coalesce(max(event_id), 0) FROM deliveries) WHERE id = 1;
COMMIT;
