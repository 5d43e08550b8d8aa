-- name: fulfilled_is_shipped_and_paid
-- An order is fulfilled exactly when every line has left the house, and nothing leaves it unpaid.
SELECT o.tenant_id, o.id, o.status, o.total_minor, o.captured_minor, sum(l.quantity) AS ordered, sum(l.shipped_quantity) AS shipped
FROM orders AS o
JOIN order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
GROUP BY o.tenant_id, o.id
HAVING (o.status = 'fulfilled') <> bool_and(l.shipped_quantity = l.quantity)
    OR (sum(l.shipped_quantity) > 0 AND o.captured_minor < o.total_minor);
