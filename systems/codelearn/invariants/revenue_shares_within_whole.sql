-- name: revenue_shares_within_whole
-- The shares of co-instructors sum to at most 100 percent, and the owner is not among them.
SELECT c.id, sum(ci.revenue_share) AS shared
FROM courses AS c
JOIN course_instructors AS ci ON ci.course_id = c.id
GROUP BY c.id
HAVING sum(ci.revenue_share) > 100 OR bool_or(ci.instructor_id = c.instructor_id);
