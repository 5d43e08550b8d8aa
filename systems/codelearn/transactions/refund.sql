-- name: refund
-- role: webapp
-- param: purchase_id bigint = (SELECT coalesce((SELECT p.id FROM purchases AS p JOIN enrollments AS e ON e.user_id = p.user_id AND e.course_id = p.course_id WHERE e.status = 'active' AND p.amount > 0 AND NOT EXISTS (SELECT FROM refunds AS r WHERE r.purchase_id = p.id) ORDER BY random() LIMIT 1), (SELECT max(p.id) FROM purchases AS p)))
-- param: reason text = 'Requested within the trial period'
--
-- Gives back what is left of a payment and ends the enrollment. Not after completion: the certificate is out by then.
-- Locks: course (the seat comes back), enrollment, then the summary of the student (by the triggers).
BEGIN;

-- A purchase never changes, so reading it needs no lock.
SELECT count(*) AS is_known, coalesce(max(p.user_id), 0) AS user_id, coalesce(max(p.course_id), 0) AS course_id, coalesce(max(p.amount), 0) AS amount
FROM purchases AS p WHERE p.id = :purchase_id \gset

\if :is_known
SELECT c.id AS locked_course_id FROM courses AS c WHERE c.id = :course_id FOR NO KEY UPDATE \gset

-- Completing the last lesson and refunding meet at this row: whoever comes second sees what the first one did.
SELECT e.id AS enrollment_id, e.status, (e.status <> 'completed')::integer AS may_refund
FROM enrollments AS e WHERE e.user_id = :user_id AND e.course_id = :course_id FOR NO KEY UPDATE \gset

\if :may_refund
WITH refunded AS (
    INSERT INTO refunds (purchase_id, amount, reason)
    SELECT :purchase_id, :amount::numeric - t.amount, :reason
    FROM (SELECT coalesce(sum(r.amount), 0) AS amount FROM refunds AS r WHERE r.purchase_id = :purchase_id) AS t
    WHERE :amount::numeric > t.amount
    RETURNING id
)
SELECT count(*) AS is_refunded, coalesce(max(refunded.id), 0) AS refund_id FROM refunded \gset

\if :is_refunded
UPDATE enrollments SET status = 'cancelled', cancelled_at = now() WHERE id = :enrollment_id AND status <> 'cancelled';

INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:user_id, :course_id, 'refunded', 'Your payment was returned');

INSERT INTO outbox_events (topic, payload)
VALUES ('purchase.refunded', jsonb_build_object('purchase_id', :purchase_id::bigint, 'refund_id', :refund_id::bigint, 'user_id', :user_id::bigint, 'course_id', :course_id::bigint));
\endif
\endif
\endif

COMMIT;
