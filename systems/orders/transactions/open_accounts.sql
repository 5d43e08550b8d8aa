-- name: open_accounts
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t ORDER BY (SELECT count(*) FROM accounts AS a WHERE a.tenant_id = t.id AND a.customer_id IS NULL), t.id LIMIT 1)
-- param: currency text = coalesce((SELECT c.code FROM currencies AS c WHERE NOT EXISTS (SELECT FROM accounts AS a WHERE a.currency = c.code AND a.tenant_id = (SELECT t.id FROM tenants AS t ORDER BY (SELECT count(*) FROM accounts AS b WHERE b.tenant_id = t.id AND b.customer_id IS NULL), t.id LIMIT 1)) ORDER BY c.code LIMIT 1), 'EUR')
--
-- A shop begins to sell in a currency: its six accounts are opened. Before that an order in it cannot be booked.
-- Locks: none but the new rows.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

INSERT INTO accounts (tenant_id, kind, currency)
SELECT :tenant_id, k.kind, :currency
FROM unnest(ARRAY['cash', 'receivable', 'sales', 'returns', 'fees', 'goodwill']) AS k (kind)
ON CONFLICT (tenant_id, kind, currency) WHERE customer_id IS NULL DO NOTHING;

COMMIT;
