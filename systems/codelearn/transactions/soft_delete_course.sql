-- name: soft_delete_course
-- role: webapp
-- param: course_id bigint = (SELECT coalesce((SELECT c.id FROM courses AS c WHERE c.deleted_at IS NULL AND NOT EXISTS (SELECT FROM enrollments AS e WHERE e.course_id = c.id AND e.status IN ('pending', 'active')) ORDER BY random() LIMIT 1), (SELECT c.id FROM courses AS c ORDER BY random() LIMIT 1)))
--
-- Takes a course down. Not while somebody is learning in it: archive it first, and delete when the last one is done.
-- Locks: course, then the summary of its owner (by the trigger).
BEGIN;

SELECT count(*) AS is_locked FROM (SELECT c.id FROM courses AS c WHERE c.id = :course_id FOR NO KEY UPDATE) AS locked \gset

-- A new statement, now that no enrollment can come in.
WITH deleted AS (
    UPDATE courses AS c
    SET deleted_at = now()
    WHERE c.id = :course_id AND c.deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM enrollments AS e WHERE e.course_id = c.id AND e.status IN ('pending', 'active'))
    RETURNING c.instructor_id, c.title
)
SELECT count(*) AS is_deleted, coalesce(max(deleted.instructor_id), 0) AS instructor_id, coalesce(max(deleted.title), '-') AS title
FROM deleted \gset

\if :is_deleted
INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:instructor_id, :course_id, 'cancelled', 'Your course was taken down: ' || :title);

INSERT INTO outbox_events (topic, payload)
VALUES ('course.deleted', jsonb_build_object('course_id', :course_id::bigint));
\endif

COMMIT;
