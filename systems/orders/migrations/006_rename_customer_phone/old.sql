-- name: customer_phone_old
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS c WHERE c.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: customer_id bigint = (SELECT c.id FROM (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS c WHERE c.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AS t CROSS JOIN LATERAL (SELECT min(m.id) + floor(random() * (max(m.id) - min(m.id) + 1))::bigint AS id FROM customers AS m WHERE m.tenant_id = t.id) AS place CROSS JOIN LATERAL (SELECT x.id FROM customers AS x WHERE x.tenant_id = t.id AND x.id >= place.id ORDER BY x.id LIMIT 1) AS c)
-- param: email text = 'old-' || gen_random_uuid() || '@example.com'
-- param: phone text = '+4670' || (1000000 + floor(random() * 8999999))::bigint
--
-- What the previous version does: it knows the column phone only.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

SELECT c.id, c.email, c.phone FROM customers AS c WHERE c.tenant_id = :tenant_id AND c.id = :customer_id;

UPDATE customers SET phone = :phone WHERE tenant_id = :tenant_id AND id = :customer_id;

INSERT INTO customers (tenant_id, email, full_name, phone) VALUES (:tenant_id, :email, 'Olga Older', :phone);

COMMIT;
