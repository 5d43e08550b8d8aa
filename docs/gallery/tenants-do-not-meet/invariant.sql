-- Each counter says how many orders there are.
SELECT c.tenant_id, c.orders FROM counters AS c
WHERE c.orders <> (SELECT count(*) FROM orders AS o WHERE o.tenant_id = c.tenant_id);
