-- Stores upload 3; takes an advisory lock inside the transaction, then adds up what is stored.
BEGIN;
SELECT pg_advisory_xact_lock(1);
SELECT sum(megabytes) + 40 <= 100 AS is_room FROM uploads WHERE user_id = 1
\gset
\if :is_room
INSERT INTO uploads (id, user_id, megabytes) VALUES (3, 1, 40);
\endif
COMMIT;
