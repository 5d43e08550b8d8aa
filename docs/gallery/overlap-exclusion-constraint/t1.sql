-- Books room 1 as booking 2 and leaves overlaps to the constraint.
BEGIN;
INSERT INTO bookings (id, room_id, nights) VALUES (2, 1, '[2030-05-01, 2030-05-04)');
COMMIT;
