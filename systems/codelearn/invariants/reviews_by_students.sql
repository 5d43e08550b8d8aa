-- name: reviews_by_students
-- Who reviewed has learned: no live review from somebody whose seat was never paid (pending).
SELECT v.id, e.status
FROM reviews AS v
JOIN enrollments AS e ON e.user_id = v.user_id AND e.course_id = v.course_id
WHERE v.deleted_at IS NULL AND e.status = 'pending';
