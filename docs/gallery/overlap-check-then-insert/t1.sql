-- Books room 1 as booking 2 if no other booking overlaps.
BEGIN;
SELECT count(*) = 0 AS is_free FROM bookings WHERE room_id = 1 AND nights && '[2030-05-01, 2030-05-04)'
\gset
\if :is_free
INSERT INTO bookings (id, room_id, nights) VALUES (2, 1, '[2030-05-01, 2030-05-04)');
\endif
COMMIT;
