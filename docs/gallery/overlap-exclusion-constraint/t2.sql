-- Books room 1 as booking 3 and leaves overlaps to the constraint.
BEGIN;
INSERT INTO bookings (id, room_id, nights) VALUES (3, 1, '[2030-05-03, 2030-05-06)');
COMMIT;
