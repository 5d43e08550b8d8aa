-- name: register_customer
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS k WHERE k.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: email text = 'customer-' || gen_random_uuid() || '@example.com'
-- param: given_name text = 'Noa'
-- param: family_name text = 'Lindqvist'
-- param: phone_number text = '+46701234567'
--
-- Somebody buys for the first time, or again with other particulars: the address is who they are.
-- Locks: the customer.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

INSERT INTO customers AS k (tenant_id, email, given_name, family_name, phone_number)
VALUES (:tenant_id, lower(:email), :given_name, :family_name, :phone_number)
ON CONFLICT (tenant_id, email) DO UPDATE
SET given_name = EXCLUDED.given_name, family_name = EXCLUDED.family_name, phone_number = EXCLUDED.phone_number
WHERE (k.given_name, k.family_name, k.phone_number) IS DISTINCT FROM (EXCLUDED.given_name, EXCLUDED.family_name, EXCLUDED.phone_number);

COMMIT;
