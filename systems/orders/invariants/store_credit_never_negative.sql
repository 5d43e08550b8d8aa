-- name: store_credit_never_negative
-- Nobody spent more credit than there was; counted from the entries, not from the balance.
SELECT a.tenant_id, a.customer_id, a.currency, -sum(e.amount_minor) AS amount
FROM accounts AS a
JOIN ledger_entries AS e ON e.tenant_id = a.tenant_id AND e.account_id = a.id
WHERE a.kind = 'store_credit'
GROUP BY a.tenant_id, a.customer_id, a.currency
HAVING sum(e.amount_minor) > 0;
