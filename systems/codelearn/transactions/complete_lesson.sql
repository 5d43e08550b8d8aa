-- name: complete_lesson
-- role: webapp
-- param: enrollment_id bigint = (SELECT coalesce((SELECT e.id FROM enrollments AS e JOIN lessons AS l ON l.id = e.last_lesson_id JOIN sections AS s ON s.id = l.section_id WHERE e.status = 'active' AND l.deleted_at IS NULL AND NOT EXISTS (SELECT FROM course_lessons AS cl WHERE cl.course_id = e.course_id AND (cl.section_order, cl.lesson_order) > (s.sort_order, l.sort_order)) AND NOT EXISTS (SELECT FROM lesson_progress AS lp WHERE lp.enrollment_id = e.id AND lp.lesson_id = l.id AND lp.completed_at IS NOT NULL) ORDER BY random() LIMIT 1), (SELECT e.id FROM enrollments AS e WHERE e.status = 'active' ORDER BY random() LIMIT 1)))
-- param: lesson_id bigint = 0
--
-- "Complete and continue": marks a lesson as done (lesson_id 0: the next one in order), moves the bookmark, and with the
-- last lesson completes the enrollment and issues the certificate.
-- Locks: enrollment, then the summary of the student (by the triggers). The course is not locked: completing takes no
-- seat and changes no counter of it.
BEGIN;

-- Refunding and completing meet at this row; two devices of one student do as well.
WITH enrollment AS (
    SELECT e.id, e.user_id, e.course_id FROM enrollments AS e WHERE e.id = :enrollment_id AND e.status = 'active' FOR NO KEY UPDATE
)
SELECT count(*) AS is_active, coalesce(max(enrollment.user_id), 0) AS user_id, coalesce(max(enrollment.course_id), 0) AS course_id
FROM enrollment \gset

\if :is_active
-- The lesson asked for, if it is a live lesson of this course and not done yet; else none.
WITH lesson AS (
    SELECT cl.lesson_id
    FROM course_lessons AS cl
    LEFT JOIN lesson_progress AS lp ON lp.enrollment_id = :enrollment_id AND lp.lesson_id = cl.lesson_id
    WHERE cl.course_id = :course_id AND lp.completed_at IS NULL AND :lesson_id::bigint IN (0, cl.lesson_id)
    ORDER BY cl.section_order, cl.lesson_order
    LIMIT 1
)
SELECT count(*) AS is_open, coalesce(max(lesson.lesson_id), 0) AS done_lesson_id FROM lesson \gset

\if :is_open
INSERT INTO lesson_progress AS lp (enrollment_id, lesson_id, completed_at)
VALUES (:enrollment_id, :done_lesson_id, now())
ON CONFLICT (enrollment_id, lesson_id) DO UPDATE SET completed_at = now() WHERE lp.completed_at IS NULL;

UPDATE enrollments SET last_lesson_id = :done_lesson_id WHERE id = :enrollment_id;
\endif

-- Asked even when nothing was open: the author may have taken out the only lesson that was missing.
SELECT (count(*) > 0 AND count(*) = count(lp.completed_at))::integer AS is_finished
FROM course_lessons AS cl
LEFT JOIN lesson_progress AS lp ON lp.enrollment_id = :enrollment_id AND lp.lesson_id = cl.lesson_id
WHERE cl.course_id = :course_id \gset

\if :is_finished
UPDATE enrollments SET status = 'completed', completed_at = now() WHERE id = :enrollment_id AND status = 'active';

INSERT INTO certificates (enrollment_id, code, holder_name, course_title)
SELECT e.id, upper(gen_random_uuid()::text), u.display_name, c.title
FROM enrollments AS e
JOIN users AS u ON u.id = e.user_id
JOIN courses AS c ON c.id = e.course_id
WHERE e.id = :enrollment_id;

INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:user_id, :course_id, 'completed', 'Your certificate is ready');

INSERT INTO outbox_events (topic, payload)
VALUES ('enrollment.completed', jsonb_build_object('enrollment_id', :enrollment_id::bigint, 'user_id', :user_id::bigint, 'course_id', :course_id::bigint));
\endif
\endif

COMMIT;
