-- Reserves seat 12 as reservation 2 if a locking read finds no reservation of it.
BEGIN;
WITH taken AS (
    SELECT id FROM reservations WHERE seat = 12 FOR UPDATE
)
SELECT count(*) = 0 AS is_free FROM taken
\gset
\if :is_free
INSERT INTO reservations (id, seat) VALUES (2, 12);
\endif
COMMIT;
