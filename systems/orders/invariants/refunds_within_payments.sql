-- name: refunds_within_payments
-- Nobody gets back more than was taken, and nothing of what was not taken.
SELECT p.tenant_id, p.id, p.status, p.amount_minor, sum(r.amount_minor) AS refunded
FROM payments AS p
JOIN refunds AS r ON r.tenant_id = p.tenant_id AND r.payment_id = p.id
GROUP BY p.tenant_id, p.id, p.status, p.amount_minor
HAVING sum(r.amount_minor) > p.amount_minor OR p.status <> 'captured';
