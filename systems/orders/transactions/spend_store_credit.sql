-- name: spend_store_credit
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM accounts AS a JOIN orders AS o ON o.tenant_id = a.tenant_id AND o.customer_id = a.customer_id AND o.currency = a.currency WHERE a.tenant_id = t.id AND a.balance_minor > 0 AND o.status = 'placed' AND o.captured_minor < o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: order_id bigint = (SELECT y.id FROM accounts AS x JOIN orders AS y ON y.tenant_id = x.tenant_id AND y.customer_id = x.customer_id AND y.currency = x.currency WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM accounts AS a JOIN orders AS o ON o.tenant_id = a.tenant_id AND o.customer_id = a.customer_id AND o.currency = a.currency WHERE a.tenant_id = t.id AND a.balance_minor > 0 AND o.status = 'placed' AND o.captured_minor < o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.balance_minor > 0 AND y.status = 'placed' AND y.captured_minor < y.total_minor ORDER BY random() LIMIT 1)
-- param: idempotency_key text = 'spend-' || gen_random_uuid()
--
-- Pays what an order still owes from the customer's store credit, as far as that goes. It is a payment like any other, taken
-- at once and without a fee.
-- Locks: order, the customer's store credit.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

WITH chosen AS (
    SELECT o.customer_id, o.currency, o.total_minor - o.captured_minor AS open_minor FROM orders AS o
    WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND o.status = 'placed' AND o.captured_minor < o.total_minor
    FOR NO KEY UPDATE
)
SELECT count(*) AS is_open, coalesce(max(chosen.customer_id), 0) AS customer_id, coalesce(max(chosen.currency), 'EUR') AS currency,
    coalesce(max(chosen.open_minor), 0) AS open_minor
FROM chosen \gset

-- Two orders of one customer meet at this row: together they cannot spend more than there is.
WITH credit AS (
    SELECT a.id, a.balance_minor FROM accounts AS a
    WHERE a.tenant_id = :tenant_id AND a.customer_id = :customer_id AND a.currency = :currency
    FOR NO KEY UPDATE
)
SELECT coalesce(max(credit.id), 0) AS account_id, least(:open_minor::bigint, coalesce(max(credit.balance_minor), 0)) AS amount_minor FROM credit \gset

\if :amount_minor > 0
WITH paid AS (
    INSERT INTO payments (tenant_id, order_id, method, status, amount_minor, provider_reference, captured_at)
    VALUES (:tenant_id, :order_id, 'store_credit', 'captured', :amount_minor, :idempotency_key, now())
    ON CONFLICT (tenant_id, provider_reference) DO NOTHING
    RETURNING id
)
SELECT count(*) AS is_new, coalesce(max(paid.id), 0) AS payment_id FROM paid \gset

\if :is_new
INSERT INTO ledger_transactions (tenant_id, kind, order_id, entry_count, idempotency_key)
VALUES (:tenant_id, 'credit_spent', :order_id, 2, 'capture:' || :payment_id)
RETURNING id AS transaction_id \gset

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id::bigint, :transaction_id::bigint, 1, :account_id::bigint, :amount_minor::bigint
UNION ALL
SELECT :tenant_id::bigint, :transaction_id::bigint, 2, a.id, -:amount_minor::bigint
FROM accounts AS a WHERE a.tenant_id = :tenant_id AND a.kind = 'receivable' AND a.currency = :currency;

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'payment.captured', jsonb_build_object('payment_id', :payment_id::bigint, 'order_id', :order_id::bigint, 'amount_minor', :amount_minor::bigint));
\endif
\endif

COMMIT;
