-- name: store_credit_balances
-- recount: accounts.balance_minor
-- What is left of a credit equals its entries. Other accounts keep no balance.
SELECT a.tenant_id, a.id, a.balance_minor, e.amount
FROM accounts AS a
LEFT JOIN (
    SELECT tenant_id, account_id, -sum(amount_minor) AS amount FROM ledger_entries GROUP BY tenant_id, account_id
) AS e ON e.tenant_id = a.tenant_id AND e.account_id = a.id
WHERE a.kind = 'store_credit' AND a.balance_minor IS DISTINCT FROM coalesce(e.amount, 0);
