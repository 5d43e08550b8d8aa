-- name: annotate_order
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: order_id bigint = (SELECT x.id FROM orders AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) ORDER BY random() LIMIT 1)
-- param: note text = 'For Ada, happy birthday (' || floor(random() * 1000000) || ')'
--
-- The storefront writes a gift note. Merged in the statement itself, so that two tabs with different keys both stay.
-- Locks: order.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

UPDATE orders AS o SET metadata = o.metadata || jsonb_build_object('gift_note', :note::text)
WHERE o.tenant_id = :tenant_id AND o.id = :order_id;

COMMIT;
