-- name: order_line_price_old
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: order_id bigint = (SELECT x.id FROM (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AS t CROSS JOIN LATERAL (SELECT min(m.id) + floor(random() * (max(m.id) - min(m.id) + 1))::bigint AS id FROM orders AS m WHERE m.tenant_id = t.id) AS place CROSS JOIN LATERAL (SELECT o.id FROM orders AS o WHERE o.tenant_id = t.id AND o.id >= place.id ORDER BY o.id LIMIT 1) AS x)
-- param: product_id bigint = (SELECT s.product_id FROM stock_levels AS s WHERE s.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND s.quantity_on_hand >= 3 ORDER BY random() LIMIT 1)
-- param: quantity integer = 1 + floor(random() * 3)
-- param: price integer = 100 + floor(random() * 20000)
-- param: idempotency_key text = 'old-' || gen_random_uuid()
--
-- What the previous version does: it knows the column unit_price_cents only. It shows an order, and its customer orders again,
-- with a voucher of ten percent that is taken off the line before the total is booked.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

SELECT o.customer_id, o.currency, sum(l.quantity * l.unit_price_cents::bigint) AS shown_minor
FROM orders AS o JOIN order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
WHERE o.tenant_id = :tenant_id AND o.id = :order_id
GROUP BY o.customer_id, o.currency \gset

WITH shelf AS (
    SELECT s.product_id FROM stock_levels AS s
    WHERE s.tenant_id = :tenant_id AND s.product_id = :product_id AND s.quantity_on_hand >= :quantity::integer
    FOR NO KEY UPDATE
)
SELECT count(*) AS has_stock FROM shelf \gset

\if :has_stock
INSERT INTO orders (tenant_id, customer_id, currency, idempotency_key)
VALUES (:tenant_id, :customer_id, :currency, :idempotency_key)
RETURNING id AS new_order_id \gset

INSERT INTO order_lines (tenant_id, order_id, line_no, product_id, quantity, unit_price_cents)
VALUES (:tenant_id, :new_order_id, 1, :product_id, :quantity, :price);

UPDATE order_lines SET unit_price_cents = unit_price_cents - unit_price_cents / 10
WHERE tenant_id = :tenant_id AND order_id = :new_order_id AND line_no = 1;

INSERT INTO stock_movements (tenant_id, product_id, reason, quantity, order_id, line_no)
VALUES (:tenant_id, :product_id, 'sale', -:quantity::integer, :new_order_id, 1);

SELECT o.total_minor FROM orders AS o WHERE o.tenant_id = :tenant_id AND o.id = :new_order_id \gset

-- The first order in a currency opens its accounts.
INSERT INTO accounts (tenant_id, kind, currency)
SELECT :tenant_id, k.kind, :currency FROM unnest(ARRAY['receivable', 'sales']) AS k (kind)
WHERE NOT EXISTS (SELECT FROM accounts AS a WHERE a.tenant_id = :tenant_id AND a.kind = k.kind AND a.currency = :currency)
ON CONFLICT DO NOTHING;

INSERT INTO ledger_transactions (tenant_id, kind, order_id, entry_count, idempotency_key)
VALUES (:tenant_id, 'order_placed', :new_order_id, 2, 'order:' || :new_order_id)
RETURNING id AS transaction_id \gset

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id, :transaction_id, v.entry_no, a.id, v.amount_minor
FROM (VALUES (1, 'receivable', :total_minor::bigint), (2, 'sales', -:total_minor::bigint)) AS v (entry_no, kind, amount_minor)
JOIN accounts AS a ON a.tenant_id = :tenant_id AND a.kind = v.kind AND a.currency = :currency;
\endif

COMMIT;
