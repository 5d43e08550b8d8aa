-- Tenant 3 places an order and counts it.
BEGIN;
INSERT INTO orders (id, tenant_id) VALUES (3, 3);
UPDATE counters SET orders = orders + 1 WHERE tenant_id = 3;
COMMIT;
