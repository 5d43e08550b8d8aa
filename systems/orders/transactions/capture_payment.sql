-- name: capture_payment
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM payments AS p JOIN orders AS o ON o.tenant_id = p.tenant_id AND o.id = p.order_id WHERE p.tenant_id = t.id AND p.status = 'authorised' AND o.status <> 'cancelled' AND o.captured_minor + p.amount_minor <= o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: payment_id bigint = (SELECT x.id FROM payments AS x JOIN orders AS y ON y.tenant_id = x.tenant_id AND y.id = x.order_id WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM payments AS p JOIN orders AS o ON o.tenant_id = p.tenant_id AND o.id = p.order_id WHERE p.tenant_id = t.id AND p.status = 'authorised' AND o.status <> 'cancelled' AND o.captured_minor + p.amount_minor <= o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.status = 'authorised' AND y.status <> 'cancelled' AND y.captured_minor + x.amount_minor <= y.total_minor ORDER BY random() LIMIT 1)
--
-- Takes an authorised payment, if the order still owes that much, and books it: cash and fee against what was owed.
-- Capturing twice changes nothing.
-- Locks: order, payment.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

-- The order of a payment never changes, so reading it needs no lock.
SELECT count(*) AS is_known, coalesce(max(p.order_id), 0) AS order_id, coalesce(max(p.amount_minor), 0) AS amount_minor, coalesce(max(p.fee_minor), 0) AS fee_minor
FROM payments AS p WHERE p.tenant_id = :tenant_id AND p.id = :payment_id \gset

\if :is_known
SELECT o.currency, (o.status <> 'cancelled' AND o.captured_minor + :amount_minor::bigint <= o.total_minor)::integer AS is_owed
FROM orders AS o WHERE o.tenant_id = :tenant_id AND o.id = :order_id FOR NO KEY UPDATE \gset

\if :is_owed
WITH captured AS (
    UPDATE payments AS p SET status = 'captured', captured_at = now()
    WHERE p.tenant_id = :tenant_id AND p.id = :payment_id AND p.status = 'authorised'
    RETURNING p.id
)
SELECT count(*) AS is_captured FROM captured \gset

\if :is_captured
INSERT INTO ledger_transactions (tenant_id, kind, order_id, entry_count, idempotency_key)
VALUES (:tenant_id, 'payment_captured', :order_id, CASE WHEN :fee_minor::bigint = 0 THEN 2 ELSE 3 END, 'capture:' || :payment_id)
RETURNING id AS transaction_id \gset

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id, :transaction_id, v.entry_no, a.id, v.amount_minor
FROM (VALUES
    (1, 'cash', :amount_minor::bigint - :fee_minor::bigint),
    (2, 'receivable', -:amount_minor::bigint),
    (3, 'fees', :fee_minor::bigint)
) AS v (entry_no, kind, amount_minor)
JOIN accounts AS a ON a.tenant_id = :tenant_id AND a.kind = v.kind AND a.currency = :currency AND a.customer_id IS NULL
WHERE v.amount_minor <> 0;

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'payment.captured', jsonb_build_object('payment_id', :payment_id::bigint, 'order_id', :order_id::bigint, 'amount_minor', :amount_minor::bigint));
\endif
\endif
\endif

COMMIT;
