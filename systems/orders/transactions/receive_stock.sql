-- name: receive_stock
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM products AS p WHERE p.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: product_id bigint = (SELECT x.id FROM products AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM products AS p WHERE p.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) ORDER BY random() LIMIT 1)
-- param: quantity integer = 10 + floor(random() * 90)
--
-- Goods came in. The level follows by its trigger.
-- Locks: stock_levels of the product.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

INSERT INTO stock_movements (tenant_id, product_id, reason, quantity)
VALUES (:tenant_id, :product_id, 'receipt', :quantity);

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'stock.received', jsonb_build_object('product_id', :product_id::bigint, 'quantity', :quantity::integer));

COMMIT;
