-- name: course_shared_revenues
-- recount: courses.shared_revenue
-- The share given away equals the agreements with co-instructors.
SELECT c.id, c.shared_revenue, r.share
FROM courses AS c
LEFT JOIN (
    SELECT ci.course_id, sum(ci.revenue_share) AS share FROM course_instructors AS ci GROUP BY ci.course_id
) AS r ON r.course_id = c.id
WHERE c.shared_revenue IS DISTINCT FROM coalesce(r.share, 0);
