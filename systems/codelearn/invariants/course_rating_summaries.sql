-- name: course_rating_summaries
-- recount: courses.rating_count, courses.rating_sum
-- The rating summary of a course equals its live reviews.
SELECT c.id, c.rating_count, c.rating_sum, r.ratings, r.stars
FROM courses AS c
LEFT JOIN (
    SELECT v.course_id, count(*) AS ratings, sum(v.rating) AS stars
    FROM reviews AS v
    WHERE v.deleted_at IS NULL
    GROUP BY v.course_id
) AS r ON r.course_id = c.id
WHERE (c.rating_count, c.rating_sum) IS DISTINCT FROM (coalesce(r.ratings, 0), coalesce(r.stars, 0));
