-- Stores upload 2; takes an advisory lock of the session before the transaction begins.
SELECT pg_advisory_lock(1);
BEGIN;
SELECT sum(megabytes) + 40 <= 100 AS is_room FROM uploads WHERE user_id = 1
\gset
\if :is_room
INSERT INTO uploads (id, user_id, megabytes) VALUES (2, 1, 40);
\endif
COMMIT;
SELECT pg_advisory_unlock(1);
