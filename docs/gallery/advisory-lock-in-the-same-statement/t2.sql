-- Stores upload 3; takes the advisory lock and adds up what is stored in one statement.
BEGIN;
SELECT sum(megabytes) + 40 <= 100 AS is_room FROM pg_advisory_xact_lock(1), uploads WHERE user_id = 1
\gset
\if :is_room
INSERT INTO uploads (id, user_id, megabytes) VALUES (3, 1, 40);
\endif
COMMIT;
