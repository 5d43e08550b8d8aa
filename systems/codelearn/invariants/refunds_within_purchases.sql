-- name: refunds_within_purchases
-- Nobody got back more than was paid.
SELECT p.id, p.amount, sum(r.amount) AS refunded
FROM purchases AS p
JOIN refunds AS r ON r.purchase_id = p.id
GROUP BY p.id, p.amount
HAVING sum(r.amount) > p.amount;
