-- Deletes the website with ten hits and records that it was done.
BEGIN;
DELETE FROM websites WHERE hits = 10;
INSERT INTO cleanups (id) VALUES (1);
COMMIT;
