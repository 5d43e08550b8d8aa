-- name: no_refund_after_completion
-- Who completed a course and holds its certificate did not get the money back: of all purchases for the enrollment at least
-- one stands, unless the course was never paid for.
SELECT e.id
FROM enrollments AS e
JOIN purchases AS p ON p.user_id = e.user_id AND p.course_id = e.course_id
LEFT JOIN (SELECT purchase_id, sum(amount) AS amount FROM refunds GROUP BY purchase_id) AS r ON r.purchase_id = p.id
WHERE e.status = 'completed' AND p.amount > 0
GROUP BY e.id
HAVING bool_and(coalesce(r.amount, 0) >= p.amount);
