-- name: grant_store_credit
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS k WHERE k.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: customer_id bigint = (SELECT x.id FROM customers AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM customers AS k WHERE k.tenant_id = t.id) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) ORDER BY random() LIMIT 1)
-- param: amount_minor bigint = 500
-- param: idempotency_key text = 'gift-' || gen_random_uuid()
--
-- The shop gives a customer credit, as an apology or a present. The first time opens the customer's account. The same gift
-- sent again changes nothing.
-- Locks: the new account if there was none, else that account (by the trigger).
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

SELECT t.currency FROM tenants AS t WHERE t.id = :tenant_id \gset

-- Two first gifts at once: the second one waits for the first account instead of opening another.
INSERT INTO accounts (tenant_id, kind, currency, customer_id)
VALUES (:tenant_id, 'store_credit', :currency, :customer_id)
ON CONFLICT (tenant_id, customer_id, currency) WHERE customer_id IS NOT NULL DO NOTHING;

WITH opened AS (
    INSERT INTO ledger_transactions (tenant_id, kind, entry_count, idempotency_key)
    VALUES (:tenant_id, 'credit_granted', 2, 'grant:' || :idempotency_key)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING id
)
SELECT count(*) AS is_new, coalesce(max(opened.id), 0) AS transaction_id FROM opened \gset

\if :is_new
INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id::bigint, :transaction_id::bigint, 1, a.id, :amount_minor::bigint
FROM accounts AS a WHERE a.tenant_id = :tenant_id AND a.kind = 'goodwill' AND a.currency = :currency
UNION ALL
SELECT :tenant_id::bigint, :transaction_id::bigint, 2, a.id, -:amount_minor::bigint
FROM accounts AS a WHERE a.tenant_id = :tenant_id AND a.customer_id = :customer_id AND a.currency = :currency;

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'credit.granted', jsonb_build_object('customer_id', :customer_id::bigint, 'amount_minor', :amount_minor::bigint, 'currency', :currency::text));
\endif

COMMIT;
