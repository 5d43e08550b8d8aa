-- name: enroll
-- role: webapp
-- param: user_id bigint = (SELECT coalesce((SELECT s.user_id FROM students AS s JOIN users AS u ON u.id = s.user_id WHERE u.deleted_at IS NULL AND NOT EXISTS (SELECT FROM enrollments AS e WHERE e.user_id = s.user_id) ORDER BY random() LIMIT 1), (SELECT s.user_id FROM students AS s ORDER BY random() LIMIT 1)))
-- param: course_id bigint = (SELECT p.id FROM published_courses AS p WHERE p.seats_left IS NULL OR p.seats_left > 0 ORDER BY random() LIMIT 1)
--
-- A student takes a seat: at once in a free course, held until payment (pending) in any other.
-- Locks: course, then the enrollment, then the summary of the student (by the triggers).
BEGIN;

-- Whoever wants a seat of this course queues here. The condition is looked at again after waiting, so the last seat
-- goes to one of two.
WITH course AS (
    SELECT c.id, c.title, c.price
    FROM courses AS c
    WHERE c.id = :course_id AND c.status = 'published' AND c.deleted_at IS NULL
        AND (c.seat_limit IS NULL OR c.seats_taken < c.seat_limit)
    FOR NO KEY UPDATE
)
SELECT count(*) AS has_seat, coalesce(max(course.price), 0) AS price, coalesce(max(course.title), '-') AS title
FROM course \gset

\if :has_seat
-- The seat itself is counted by the trigger on enrollments. Enrolling twice changes nothing; a cancelled enrollment
-- comes back to life.
WITH enrolled AS (
    INSERT INTO enrollments AS e (user_id, course_id, status)
    SELECT s.user_id, :course_id, CASE WHEN :price::numeric = 0 THEN 'active' ELSE 'pending' END
    FROM students AS s
    JOIN users AS u ON u.id = s.user_id
    WHERE s.user_id = :user_id AND u.deleted_at IS NULL
    ON CONFLICT (user_id, course_id) DO UPDATE SET status = EXCLUDED.status, cancelled_at = NULL
        WHERE e.status = 'cancelled'
    RETURNING e.id
)
SELECT count(*) AS is_new, coalesce(max(enrolled.id), 0) AS enrollment_id FROM enrolled \gset

\if :is_new
INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:user_id, :course_id, 'enrolled', 'Welcome to ' || :title);

INSERT INTO outbox_events (topic, payload)
VALUES ('enrollment.created', jsonb_build_object('enrollment_id', :enrollment_id::bigint, 'user_id', :user_id::bigint, 'course_id', :course_id::bigint));
\endif
\endif

COMMIT;
