-- Tenant 2 places an order and counts it.
BEGIN;
INSERT INTO orders (id, tenant_id) VALUES (2, 2);
UPDATE counters SET orders = orders + 1 WHERE tenant_id = 2;
COMMIT;
