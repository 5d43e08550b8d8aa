-- name: published_courses_teach
-- A live published course has at least one live lesson to sell.
SELECT c.id
FROM courses AS c
WHERE c.status = 'published' AND c.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM course_lessons AS cl WHERE cl.course_id = c.id);
