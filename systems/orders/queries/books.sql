-- What the bookkeeping of a shop asks.

-- name: account_statement
-- allow: index-missing because a second copy of the ledger's headers would spare a page of it 100 blocks, and every posting would pay
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: account_id bigint = (SELECT a.id FROM accounts AS a WHERE a.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) AND a.kind = 'cash' ORDER BY a.id LIMIT 1)
-- tenant: required
-- rate: 5/s
-- budget: 20 ms, no-seq-scan(ledger_entries), no-seq-scan(ledger_transactions)
SELECT t.id, t.created_at, t.kind, t.order_id, e.amount_minor
FROM ledger_entries AS e
JOIN ledger_transactions AS t ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id
WHERE e.tenant_id = $1 AND e.account_id = $2
ORDER BY e.transaction_id DESC
LIMIT 50;

-- The balance of every kind of account; the sum over a currency is zero.
-- name: trial_balance
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- tenant: required
-- rate: 1/s
-- budget: 1500 ms
SELECT a.kind, a.currency, coalesce(sum(e.amount_minor), 0) AS amount_minor
FROM accounts AS a
LEFT JOIN ledger_entries AS e ON e.tenant_id = a.tenant_id AND e.account_id = a.id
WHERE a.tenant_id = $1
GROUP BY a.kind, a.currency
ORDER BY a.currency, a.kind;

-- name: journal
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- tenant: required
-- rate: 2/s
-- budget: 20 ms, no-seq-scan(ledger_transactions), no-seq-scan(ledger_entries)
SELECT t.id, t.created_at, t.kind, t.order_id, e.entry_no, a.kind AS account_kind, a.currency, e.amount_minor
FROM (
    SELECT x.tenant_id, x.id, x.created_at, x.kind, x.order_id
    FROM ledger_transactions AS x
    WHERE x.tenant_id = $1
    ORDER BY x.created_at DESC, x.id DESC
    LIMIT 50
) AS t
JOIN ledger_entries AS e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
JOIN accounts AS a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
ORDER BY t.created_at DESC, t.id DESC, e.entry_no;

-- name: books_of_order
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: order_id bigint = (SELECT o.id FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.created_at DESC LIMIT 1)
-- tenant: required
-- rate: 5/s
-- budget: 10 ms, no-seq-scan(ledger_transactions), no-seq-scan(ledger_entries)
SELECT t.id, t.created_at, t.kind, a.kind AS account_kind, e.amount_minor
FROM ledger_transactions AS t
JOIN ledger_entries AS e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
JOIN accounts AS a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
WHERE t.tenant_id = $1 AND t.order_id = $2
ORDER BY t.id, e.entry_no;

-- An account month by month: what the analyst looks at before a shop is called. An account belongs to one shop, which the
-- server does not know by itself; evidence/bad-plan.md shows the plan without migrations/017_statistics.sql.
-- name: account_months
-- allow: plan-grows because it sums all entries of an account, and those are what grows
-- allow: index-missing because a second copy of the ledger's headers would spare it 400 blocks, and every posting would pay
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1010), 1)
-- param: account_id bigint = (SELECT a.id FROM accounts AS a WHERE a.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1010), 1) AND a.kind = 'receivable' ORDER BY a.id LIMIT 1)
-- role: orders_analyst
-- tenant: required
-- rate: 1/s
-- budget: 200 ms
SELECT date_trunc('month', t.created_at AT TIME ZONE 'UTC')::date AS first_day, t.kind,
    count(*) AS entry_count, sum(e.amount_minor) AS amount_minor
FROM ledger_entries AS e
JOIN ledger_transactions AS t ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id
WHERE e.tenant_id = $1 AND e.account_id = $2
GROUP BY 1, 2
ORDER BY 1, 2;
