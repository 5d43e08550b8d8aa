-- Adds an event in a transaction.
BEGIN;
INSERT INTO events (topic) VALUES ('paid');
COMMIT;
