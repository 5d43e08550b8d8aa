-- name: ledger_receivables
-- What the books say is owed equals what the orders say: placed or fulfilled and not captured, per shop and currency.
SELECT coalesce(b.tenant_id, o.tenant_id) AS tenant_id, coalesce(b.currency, o.currency) AS currency, b.amount AS booked, o.amount AS owed
FROM (
    SELECT a.tenant_id, a.currency, sum(e.amount_minor) AS amount
    FROM accounts AS a
    JOIN ledger_entries AS e ON e.tenant_id = a.tenant_id AND e.account_id = a.id
    WHERE a.kind = 'receivable'
    GROUP BY a.tenant_id, a.currency
) AS b
FULL JOIN (
    SELECT tenant_id, currency, sum(total_minor - captured_minor) AS amount
    FROM orders WHERE status <> 'cancelled' GROUP BY tenant_id, currency
) AS o ON o.tenant_id = b.tenant_id AND o.currency = b.currency
WHERE coalesce(b.amount, 0) <> coalesce(o.amount, 0);
