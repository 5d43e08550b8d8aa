-- name: add_co_instructor
-- role: webapp
-- param: course_id bigint = (SELECT c.id FROM courses AS c WHERE c.deleted_at IS NULL ORDER BY (c.shared_revenue <= 80) DESC, random() LIMIT 1)
-- param: instructor_id bigint = (SELECT i.user_id FROM instructors AS i ORDER BY EXISTS (SELECT FROM course_instructors AS ci WHERE ci.instructor_id = i.user_id), EXISTS (SELECT FROM courses AS c WHERE c.instructor_id = i.user_id), random() LIMIT 1)
-- param: revenue_share numeric = 5
--
-- An instructor joins a course for a share of its revenue, if the owner has that much left to give.
-- Locks: course, then the summary of the one who joins (by the trigger).
BEGIN;

WITH course AS (
    SELECT c.id, c.title FROM courses AS c
    WHERE c.id = :course_id AND c.deleted_at IS NULL AND c.instructor_id <> :instructor_id
        AND c.shared_revenue + :revenue_share::numeric <= 100
    FOR NO KEY UPDATE
)
SELECT count(*) AS has_room, coalesce(max(course.title), '-') AS title FROM course \gset

\if :has_room
WITH joined AS (
    INSERT INTO course_instructors (course_id, instructor_id, teaching_role, revenue_share)
    SELECT :course_id, i.user_id, 'co_instructor', :revenue_share
    FROM instructors AS i JOIN users AS u ON u.id = i.user_id
    WHERE i.user_id = :instructor_id AND u.deleted_at IS NULL
    ON CONFLICT (course_id, instructor_id) DO NOTHING
    RETURNING instructor_id
)
SELECT count(*) AS has_joined FROM joined \gset

\if :has_joined
INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:instructor_id, :course_id, 'joined', 'You now teach ' || :title);

INSERT INTO outbox_events (topic, payload)
VALUES ('course.instructor_joined', jsonb_build_object('course_id', :course_id::bigint, 'instructor_id', :instructor_id::bigint));
\endif
\endif

COMMIT;
