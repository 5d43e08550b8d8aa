-- Tenant 1 places an order and counts it.
BEGIN;
INSERT INTO orders (id, tenant_id) VALUES (1, 1);
UPDATE counters SET orders = orders + 1 WHERE tenant_id = 1;
COMMIT;
