-- name: progress_in_own_course
-- Progress and bookmarks are about lessons of the enrolled course.
SELECT lp.enrollment_id, lp.lesson_id
FROM lesson_progress AS lp
JOIN enrollments AS e ON e.id = lp.enrollment_id
JOIN lessons AS l ON l.id = lp.lesson_id
JOIN sections AS s ON s.id = l.section_id
WHERE s.course_id <> e.course_id
UNION ALL
SELECT e.id, e.last_lesson_id
FROM enrollments AS e
JOIN lessons AS l ON l.id = e.last_lesson_id
JOIN sections AS s ON s.id = l.section_id
WHERE s.course_id <> e.course_id;
