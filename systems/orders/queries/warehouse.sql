-- What packers and buyers see.

-- Paid and not shipped, oldest first.
-- name: orders_to_pack
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- tenant: required
-- rate: 10/s
-- budget: 50 ms, no-seq-scan(orders), no-seq-scan(order_lines)
SELECT o.id, o.created_at, count(*) AS line_count, sum(l.quantity - l.shipped_quantity) AS piece_count
FROM orders AS o
JOIN order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
WHERE o.tenant_id = $1 AND o.status = 'placed' AND o.captured_minor = o.total_minor
GROUP BY o.tenant_id, o.id
ORDER BY o.created_at
LIMIT 50;

-- name: stock_running_out
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: threshold integer = 20
-- tenant: required
-- rate: 2/s
-- budget: 50 ms
SELECT p.sku, p.title, s.quantity_on_hand
FROM stock_levels AS s
JOIN products AS p ON p.tenant_id = s.tenant_id AND p.id = s.product_id
WHERE s.tenant_id = $1 AND s.quantity_on_hand < $2 AND p.archived_at IS NULL
ORDER BY s.quantity_on_hand, p.sku
LIMIT 100;

-- name: stock_history
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: product_id bigint = (SELECT l.product_id FROM order_lines AS l WHERE l.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY l.order_id DESC LIMIT 1)
-- tenant: required
-- rate: 5/s
-- budget: 20 ms, no-seq-scan(stock_movements)
SELECT m.created_at, m.reason, m.quantity, m.order_id
FROM stock_movements AS m
WHERE m.tenant_id = $1 AND m.product_id = $2
ORDER BY m.created_at DESC
LIMIT 50;

-- name: parcels_on_the_way
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- tenant: required
-- rate: 5/s
-- budget: 20 ms, no-seq-scan(shipments)
SELECT s.order_id, s.shipment_no, s.carrier, s.tracking_code, s.created_at
FROM shipments AS s
WHERE s.tenant_id = $1 AND s.delivered_at IS NULL
ORDER BY s.created_at
LIMIT 100;
