-- name: restore_course
-- role: webapp
-- param: course_id bigint = (SELECT coalesce((SELECT c.id FROM courses AS c WHERE c.deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM courses AS o WHERE o.slug = c.slug AND o.deleted_at IS NULL) ORDER BY random() LIMIT 1), (SELECT max(c.id) FROM courses AS c)))
--
-- Brings a course back exactly as it was. If its address was taken by another course meanwhile, nothing happens here;
-- should that other course appear at this very moment, the unique index refuses, and the application asks for a new slug.
-- Locks: course, then the summary of its owner (by the trigger).
BEGIN;

WITH restored AS (
    UPDATE courses AS c
    SET deleted_at = NULL
    WHERE c.id = :course_id AND c.deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM courses AS o WHERE o.slug = c.slug AND o.deleted_at IS NULL)
    RETURNING c.instructor_id, c.title
)
SELECT count(*) AS is_restored, coalesce(max(restored.instructor_id), 0) AS instructor_id, coalesce(max(restored.title), '-') AS title
FROM restored \gset

\if :is_restored
INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:instructor_id, :course_id, 'published', 'Your course is back: ' || :title);

INSERT INTO outbox_events (topic, payload)
VALUES ('course.restored', jsonb_build_object('course_id', :course_id::bigint));
\endif

COMMIT;
