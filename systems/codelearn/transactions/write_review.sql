-- name: write_review
-- role: webapp
-- param: enrollment_id bigint = (SELECT coalesce((SELECT e.id FROM enrollments AS e WHERE e.status = 'completed' AND NOT EXISTS (SELECT FROM reviews AS v WHERE v.user_id = e.user_id AND v.course_id = e.course_id) ORDER BY random() LIMIT 1), (SELECT e.id FROM enrollments AS e WHERE e.status = 'completed' ORDER BY random() LIMIT 1)))
-- param: rating smallint = 1 + floor(random() * 5)
-- param: body text = 'Clear, complete and to the point.'
--
-- One opinion per enrollment: the first call writes it, a later one rewrites it. A review that moderation took down
-- stays down.
-- Locks: course (its rating), enrollment, then the summary of the reviewer (by the triggers).
BEGIN;

SELECT count(*) AS is_known, coalesce(max(e.user_id), 0) AS user_id, coalesce(max(e.course_id), 0) AS course_id
FROM enrollments AS e WHERE e.id = :enrollment_id \gset

\if :is_known
SELECT c.id AS locked_course_id, c.instructor_id FROM courses AS c WHERE c.id = :course_id FOR NO KEY UPDATE \gset
SELECT e.id AS locked_enrollment_id, (e.status IN ('active', 'completed'))::integer AS may_review
FROM enrollments AS e WHERE e.id = :enrollment_id FOR NO KEY UPDATE \gset

\if :may_review
WITH written AS (
    INSERT INTO reviews AS v (user_id, course_id, rating, body)
    VALUES (:user_id, :course_id, :rating, :body)
    ON CONFLICT (user_id, course_id) DO UPDATE SET rating = EXCLUDED.rating, body = EXCLUDED.body
        WHERE v.deleted_at IS NULL
    RETURNING v.id
)
SELECT count(*) AS is_written, coalesce(max(written.id), 0) AS review_id FROM written \gset

\if :is_written
-- The instructor hears of it through the outbox: a worker writes that notification, so that this transaction holds
-- the summary of one person only.
INSERT INTO outbox_events (topic, payload)
VALUES ('review.written', jsonb_build_object('review_id', :review_id::bigint, 'course_id', :course_id::bigint, 'instructor_id', :instructor_id::bigint));
\endif
\endif
\endif

COMMIT;
