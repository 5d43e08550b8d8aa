-- name: seats_never_oversold
-- No course has more students than seats; counted from the enrollments, not from the counter.
SELECT c.id, c.seat_limit, count(*) AS seats
FROM courses AS c
JOIN enrollments AS e ON e.course_id = c.id
WHERE c.seat_limit IS NOT NULL AND e.status <> 'cancelled'
GROUP BY c.id, c.seat_limit
HAVING count(*) > c.seat_limit;
