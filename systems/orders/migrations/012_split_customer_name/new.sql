-- name: customer_name_new
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS c WHERE c.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: customer_id bigint = (SELECT c.id FROM (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS c WHERE c.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AS t CROSS JOIN LATERAL (SELECT min(m.id) + floor(random() * (max(m.id) - min(m.id) + 1))::bigint AS id FROM customers AS m WHERE m.tenant_id = t.id) AS place CROSS JOIN LATERAL (SELECT x.id FROM customers AS x WHERE x.tenant_id = t.id AND x.id >= place.id ORDER BY x.id LIMIT 1) AS c)
-- param: email text = 'new-' || gen_random_uuid() || '@example.com'
-- param: given text = (ARRAY['Ana', 'Bo', 'Chloé', 'Dag'])[1 + floor(random() * 4)::integer]
-- param: family text = (ARRAY['Berg', 'de la Cruz', 'Eriksson', 'van Dijk'])[1 + floor(random() * 4)::integer]
--
-- What the next version does: it knows given_name and family_name only.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

SELECT c.id, c.email, c.given_name, c.family_name FROM customers AS c WHERE c.tenant_id = :tenant_id AND c.id = :customer_id;

UPDATE customers SET given_name = :given, family_name = :family WHERE tenant_id = :tenant_id AND id = :customer_id;

INSERT INTO customers (tenant_id, email, given_name, family_name) VALUES (:tenant_id, :email, :given, :family);

COMMIT;
