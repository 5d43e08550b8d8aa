-- name: course_enrollment_counts
-- recount: courses.enrollment_count, courses.seats_taken
-- The two counters of a course equal its enrollments.
SELECT c.id, c.enrollment_count, c.seats_taken, r.enrolled, r.seats
FROM courses AS c
LEFT JOIN (
    SELECT e.course_id,
        count(*) FILTER (WHERE e.status IN ('active', 'completed')) AS enrolled,
        count(*) FILTER (WHERE e.status <> 'cancelled') AS seats
    FROM enrollments AS e
    GROUP BY e.course_id
) AS r ON r.course_id = c.id
WHERE (c.enrollment_count, c.seats_taken) IS DISTINCT FROM (coalesce(r.enrolled, 0), coalesce(r.seats, 0));
