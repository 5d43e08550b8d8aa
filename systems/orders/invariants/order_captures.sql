-- name: order_captures
-- recount: orders.captured_minor
-- What was captured for an order equals its captured payments.
SELECT o.tenant_id, o.id, o.captured_minor, r.amount
FROM orders AS o
LEFT JOIN (
    SELECT p.tenant_id, p.order_id, sum(p.amount_minor) AS amount
    FROM payments AS p WHERE p.status = 'captured' GROUP BY p.tenant_id, p.order_id
) AS r ON r.tenant_id = o.tenant_id AND r.order_id = o.id
WHERE o.captured_minor IS DISTINCT FROM coalesce(r.amount, 0);
