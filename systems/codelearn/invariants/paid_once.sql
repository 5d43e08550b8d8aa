-- name: paid_once
-- An enrollment never carries two purchases of which neither was paid back: nobody pays twice for one course.
SELECT p.user_id, p.course_id, count(*) AS open_purchases
FROM purchases AS p
LEFT JOIN (SELECT purchase_id, sum(amount) AS amount FROM refunds GROUP BY purchase_id) AS r ON r.purchase_id = p.id
WHERE p.amount > coalesce(r.amount, 0)
GROUP BY p.user_id, p.course_id
HAVING count(*) > 1;
