-- name: ledger_balanced
-- The entries of a transaction sum to zero in every currency.
SELECT e.tenant_id, e.transaction_id, a.currency, sum(e.amount_minor) AS amount
FROM ledger_entries AS e
JOIN accounts AS a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
GROUP BY e.tenant_id, e.transaction_id, a.currency
HAVING sum(e.amount_minor) <> 0;
