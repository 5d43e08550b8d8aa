-- name: cancel_enrollment
-- role: webapp
-- param: enrollment_id bigint = (SELECT coalesce((SELECT e.id FROM enrollments AS e WHERE e.status = 'pending' ORDER BY random() LIMIT 1), (SELECT max(e.id) FROM enrollments AS e)))
--
-- A student gives a seat back that was never paid for: a pending one, or one in a free course. What was paid for is
-- ended by refund, so that no seat is given up while the money stays.
-- Locks: course (the seat comes back), enrollment, then the summary of the student (by the triggers).
BEGIN;

-- Student and course of an enrollment never change, so reading them needs no lock.
SELECT count(*) AS is_known, coalesce(max(e.course_id), 0) AS course_id, coalesce(max(e.user_id), 0) AS user_id
FROM enrollments AS e WHERE e.id = :enrollment_id \gset

\if :is_known
SELECT c.id AS locked_course_id FROM courses AS c WHERE c.id = :course_id FOR NO KEY UPDATE \gset
SELECT e.id AS locked_enrollment_id FROM enrollments AS e WHERE e.id = :enrollment_id FOR NO KEY UPDATE \gset

WITH cancelled AS (
    UPDATE enrollments AS e
    SET status = 'cancelled', cancelled_at = now()
    WHERE e.id = :enrollment_id AND e.status IN ('pending', 'active')
        AND NOT EXISTS (
            SELECT FROM purchases AS p
            WHERE p.user_id = e.user_id AND p.course_id = e.course_id
                AND p.amount > (SELECT coalesce(sum(r.amount), 0) FROM refunds AS r WHERE r.purchase_id = p.id)
        )
    RETURNING e.id
)
SELECT count(*) AS is_cancelled FROM cancelled \gset

\if :is_cancelled
INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:user_id, :course_id, 'cancelled', 'Your seat was given back');

INSERT INTO outbox_events (topic, payload)
VALUES ('enrollment.cancelled', jsonb_build_object('enrollment_id', :enrollment_id::bigint, 'user_id', :user_id::bigint, 'course_id', :course_id::bigint));
\endif
\endif

COMMIT;
