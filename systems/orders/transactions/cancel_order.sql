-- name: cancel_order
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id AND o.status = 'placed' AND o.captured_minor = 0) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: order_id bigint = (SELECT x.id FROM orders AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id AND o.status = 'placed' AND o.captured_minor = 0) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.status = 'placed' AND x.captured_minor = 0 ORDER BY random() LIMIT 1)
--
-- Gives up an order that is neither paid nor shipped: authorisations are voided, the stock goes back, the booking is reversed.
-- What was paid for is refunded instead.
-- Locks: order, its payments, then stock_levels in ascending product (by the trigger).
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

-- Capturing, shipping and cancelling meet at this row.
WITH chosen AS (
    SELECT o.total_minor, o.currency FROM orders AS o
    WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND o.status = 'placed' AND o.captured_minor = 0
    FOR NO KEY UPDATE
)
SELECT count(*) AS is_open, coalesce(max(chosen.total_minor), 0) AS total_minor, coalesce(max(chosen.currency), 'EUR') AS currency FROM chosen \gset

-- A new statement, which sees what was committed while we waited.
SELECT (:is_open::integer = 1 AND NOT EXISTS (SELECT FROM shipments AS s WHERE s.tenant_id = :tenant_id AND s.order_id = :order_id))::integer AS may_cancel \gset

\if :may_cancel
UPDATE payments SET status = 'voided', voided_at = now()
WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'authorised';

INSERT INTO stock_movements (tenant_id, product_id, reason, quantity, order_id, line_no)
SELECT l.tenant_id, l.product_id, 'cancellation', l.quantity, l.order_id, l.line_no
FROM order_lines AS l WHERE l.tenant_id = :tenant_id AND l.order_id = :order_id;

UPDATE orders SET status = 'cancelled', cancelled_at = now() WHERE tenant_id = :tenant_id AND id = :order_id;

\if :total_minor > 0
INSERT INTO ledger_transactions (tenant_id, kind, order_id, entry_count, idempotency_key)
VALUES (:tenant_id, 'order_cancelled', :order_id, 2, 'cancel:' || :order_id)
RETURNING id AS transaction_id \gset

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id, :transaction_id, v.entry_no, a.id, v.amount_minor
FROM (VALUES (1, 'sales', :total_minor::bigint), (2, 'receivable', -:total_minor::bigint)) AS v (entry_no, kind, amount_minor)
JOIN accounts AS a ON a.tenant_id = :tenant_id AND a.kind = v.kind AND a.currency = :currency AND a.customer_id IS NULL;
\endif

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'order.cancelled', jsonb_build_object('order_id', :order_id::bigint));
\endif

COMMIT;
