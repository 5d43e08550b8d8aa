-- name: order_totals
-- recount: orders.total_minor
-- The total of an order equals its lines.
SELECT o.tenant_id, o.id, o.total_minor, r.amount
FROM orders AS o
LEFT JOIN (
    SELECT l.tenant_id, l.order_id, sum(l.quantity * l.unit_price_minor) AS amount
    FROM order_lines AS l GROUP BY l.tenant_id, l.order_id
) AS r ON r.tenant_id = o.tenant_id AND r.order_id = o.id
WHERE o.total_minor IS DISTINCT FROM coalesce(r.amount, 0);
