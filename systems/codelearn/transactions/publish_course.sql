-- name: publish_course
-- role: webapp
-- param: course_id bigint = (SELECT coalesce((SELECT c.id FROM courses AS c WHERE c.status = 'draft' AND c.deleted_at IS NULL AND EXISTS (SELECT FROM course_lessons AS cl WHERE cl.course_id = c.id) ORDER BY random() LIMIT 1), (SELECT c.id FROM courses AS c WHERE c.deleted_at IS NULL ORDER BY random() LIMIT 1)))
--
-- Puts a draft up for sale, if there is something to sell. Publishing twice changes nothing.
-- Locks: course, then the summary of its owner (by the trigger).
BEGIN;

WITH published AS (
    UPDATE courses AS c
    SET status = 'published', published_at = coalesce(c.published_at, now())
    WHERE c.id = :course_id AND c.status = 'draft' AND c.deleted_at IS NULL
        AND EXISTS (
            SELECT FROM sections AS s JOIN lessons AS l ON l.section_id = s.id
            WHERE s.course_id = c.id AND s.deleted_at IS NULL AND l.deleted_at IS NULL
        )
    RETURNING c.instructor_id, c.title
)
SELECT count(*) AS is_published, coalesce(max(published.instructor_id), 0) AS instructor_id, coalesce(max(published.title), '-') AS title
FROM published \gset

\if :is_published
INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:instructor_id, :course_id, 'published', 'Your course is live: ' || :title);

INSERT INTO outbox_events (topic, payload)
VALUES ('course.published', jsonb_build_object('course_id', :course_id::bigint, 'instructor_id', :instructor_id::bigint));
\endif

COMMIT;
