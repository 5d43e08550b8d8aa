-- name: one_owner_per_course
-- Every course has exactly one owning instructor, and that person has the role.
SELECT c.id, count(i.user_id) AS owners
FROM courses AS c
LEFT JOIN instructors AS i ON i.user_id = c.instructor_id
GROUP BY c.id
HAVING count(i.user_id) <> 1;
