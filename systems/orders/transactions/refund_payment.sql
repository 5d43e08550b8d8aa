-- name: refund_payment
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM payments AS p WHERE p.tenant_id = t.id AND p.status = 'captured' AND p.refunded_minor < p.amount_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: payment_id bigint = (SELECT x.id FROM payments AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM payments AS p WHERE p.tenant_id = t.id AND p.status = 'captured' AND p.refunded_minor < p.amount_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.status = 'captured' AND x.refunded_minor < x.amount_minor ORDER BY random() LIMIT 1)
-- param: user_id bigint = (SELECT x.id FROM users AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM payments AS p WHERE p.tenant_id = t.id AND p.status = 'captured' AND p.refunded_minor < p.amount_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.left_at IS NULL ORDER BY random() LIMIT 1)
-- param: amount_minor bigint = 1
-- param: reason text = 'Arrived damaged'
-- param: idempotency_key text = 'form-' || gen_random_uuid()
--
-- Gives back a part of a payment, or all of it, to where it came from: the provider, or the customer's store credit. The same
-- form sent again changes nothing; another form gives back more, as long as there is something left.
-- Locks: payment, then the customer's store credit (by the trigger).
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

-- Two clerks meet at this row: the second one sees what is left after the first.
SELECT p.id AS locked_payment_id, p.order_id, p.method, (p.status = 'captured' AND p.amount_minor - p.refunded_minor >= :amount_minor::bigint)::integer AS is_left
FROM payments AS p WHERE p.tenant_id = :tenant_id AND p.id = :payment_id FOR NO KEY UPDATE \gset

SELECT o.currency, o.customer_id FROM orders AS o WHERE o.tenant_id = :tenant_id AND o.id = :order_id \gset

\if :is_left
WITH refunded AS (
    INSERT INTO refunds (tenant_id, payment_id, user_id, amount_minor, reason, idempotency_key)
    VALUES (:tenant_id, :payment_id, :user_id, :amount_minor, :reason, :idempotency_key)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING id
)
SELECT count(*) AS is_new, coalesce(max(refunded.id), 0) AS refund_id FROM refunded \gset

\if :is_new
INSERT INTO ledger_transactions (tenant_id, kind, order_id, entry_count, idempotency_key)
VALUES (:tenant_id, 'payment_refunded', :order_id, 2, 'refund:' || :refund_id)
RETURNING id AS transaction_id \gset

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id::bigint, :transaction_id::bigint, 1, a.id, :amount_minor::bigint
FROM accounts AS a WHERE a.tenant_id = :tenant_id AND a.kind = 'returns' AND a.currency = :currency
UNION ALL
SELECT :tenant_id::bigint, :transaction_id::bigint, 2, a.id, -:amount_minor::bigint
FROM accounts AS a
WHERE a.tenant_id = :tenant_id AND a.currency = :currency
    AND CASE :method WHEN 'store_credit' THEN a.customer_id = :customer_id ELSE a.kind = 'cash' END;

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'payment.refunded', jsonb_build_object('refund_id', :refund_id::bigint, 'payment_id', :payment_id::bigint, 'amount_minor', :amount_minor::bigint));
\endif
\endif

COMMIT;
