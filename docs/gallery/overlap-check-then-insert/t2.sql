-- Books room 1 as booking 3 if no other booking overlaps.
BEGIN;
SELECT count(*) = 0 AS is_free FROM bookings WHERE room_id = 1 AND nights && '[2030-05-03, 2030-05-06)'
\gset
\if :is_free
INSERT INTO bookings (id, room_id, nights) VALUES (3, 1, '[2030-05-03, 2030-05-06)');
\endif
COMMIT;
