-- name: change_price
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM products AS p WHERE p.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: product_id bigint = (SELECT x.id FROM products AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM products AS p WHERE p.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) ORDER BY random() LIMIT 1)
-- param: price_minor bigint = 100 + floor(random() * 20000)
--
-- A new price from now on, in the shop's currency, until the next one that was planned. What was sold keeps its price.
-- Locks: product.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

-- Whoever changes prices of this product queues here.
SELECT p.id AS locked_product_id, t.currency
FROM products AS p JOIN tenants AS t ON t.id = p.tenant_id
WHERE p.tenant_id = :tenant_id AND p.id = :product_id
FOR NO KEY UPDATE OF p \gset

UPDATE product_prices AS r SET valid_during = tstzrange(lower(r.valid_during), now())
WHERE r.tenant_id = :tenant_id AND r.product_id = :product_id AND r.currency = :currency
    AND r.valid_during @> now() AND lower(r.valid_during) < now();

INSERT INTO product_prices (tenant_id, product_id, currency, price_minor, valid_during)
SELECT :tenant_id, :product_id, :currency, :price_minor, tstzrange(now(), min(lower(r.valid_during)))
FROM product_prices AS r
WHERE r.tenant_id = :tenant_id AND r.product_id = :product_id AND r.currency = :currency AND lower(r.valid_during) > now();

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'price.changed', jsonb_build_object('product_id', :product_id::bigint, 'price_minor', :price_minor::bigint, 'currency', :currency::text));

COMMIT;
