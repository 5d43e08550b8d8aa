-- An event below the one remembered was delivered.
SELECT e.id
FROM events AS e
JOIN consumers AS c ON c.last_event_id >= e.id
WHERE NOT EXISTS (SELECT FROM deliveries AS d WHERE d.event_id = e.id);
