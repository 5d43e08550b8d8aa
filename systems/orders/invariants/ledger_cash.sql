-- name: ledger_cash
-- What the books say is at the provider equals what was captured less fees and refunds, per shop and currency.
SELECT coalesce(b.tenant_id, p.tenant_id) AS tenant_id, coalesce(b.currency, p.currency) AS currency, b.amount AS booked, p.amount AS taken
FROM (
    SELECT a.tenant_id, a.currency, sum(e.amount_minor) AS amount
    FROM accounts AS a
    JOIN ledger_entries AS e ON e.tenant_id = a.tenant_id AND e.account_id = a.id
    WHERE a.kind = 'cash'
    GROUP BY a.tenant_id, a.currency
) AS b
FULL JOIN (
    SELECT o.tenant_id, o.currency, sum(x.amount_minor - x.fee_minor - x.refunded_minor) AS amount
    FROM payments AS x
    JOIN orders AS o ON o.tenant_id = x.tenant_id AND o.id = x.order_id
    WHERE x.status = 'captured' AND x.method <> 'store_credit'
    GROUP BY o.tenant_id, o.currency
) AS p ON p.tenant_id = b.tenant_id AND p.currency = b.currency
WHERE coalesce(b.amount, 0) <> coalesce(p.amount, 0);
