-- name: pending_is_unpaid
-- Who paid does not wait: no pending enrollment has a purchase that stands.
SELECT e.id, p.id AS purchase_id
FROM enrollments AS e
JOIN purchases AS p ON p.user_id = e.user_id AND p.course_id = e.course_id
WHERE e.status = 'pending'
    AND p.amount > coalesce((SELECT sum(r.amount) FROM refunds AS r WHERE r.purchase_id = p.id), 0);
