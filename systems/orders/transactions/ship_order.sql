-- name: ship_order
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id AND o.status = 'placed' AND o.captured_minor = o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: order_id bigint = (SELECT x.id FROM orders AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id AND o.status = 'placed' AND o.captured_minor = o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.status = 'placed' AND x.captured_minor = x.total_minor ORDER BY random() LIMIT 1)
-- param: carrier text = 'post'
-- param: tracking_code text = 'TR' || upper(gen_random_uuid()::text)
--
-- Packs everything of a paid order that has not left yet into one parcel, and closes the order.
-- Locks: order, then its lines (by the trigger).
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

WITH chosen AS (
    SELECT o.id FROM orders AS o
    WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND o.status = 'placed' AND o.captured_minor = o.total_minor
    FOR NO KEY UPDATE
)
SELECT count(*) AS is_paid FROM chosen \gset

\if :is_paid
-- The number is free: whoever ships this order holds it.
INSERT INTO shipments (tenant_id, order_id, shipment_no, carrier, tracking_code)
SELECT :tenant_id, :order_id, coalesce(max(s.shipment_no), 0) + 1, :carrier, :tracking_code
FROM shipments AS s WHERE s.tenant_id = :tenant_id AND s.order_id = :order_id
RETURNING shipment_no \gset

INSERT INTO shipment_lines (tenant_id, order_id, shipment_no, line_no, quantity)
SELECT l.tenant_id, l.order_id, :shipment_no, l.line_no, l.quantity - l.shipped_quantity
FROM order_lines AS l
WHERE l.tenant_id = :tenant_id AND l.order_id = :order_id AND l.quantity > l.shipped_quantity;

UPDATE orders SET status = 'fulfilled' WHERE tenant_id = :tenant_id AND id = :order_id;

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'order.shipped', jsonb_build_object('order_id', :order_id::bigint, 'carrier', :carrier::text, 'tracking_code', :tracking_code::text));
\endif

COMMIT;
