-- No two bookings of a room overlap.
SELECT a.id, b.id AS other_id
FROM bookings AS a
JOIN bookings AS b ON b.room_id = a.room_id AND b.nights && a.nights AND b.id > a.id;
