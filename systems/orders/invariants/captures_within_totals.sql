-- name: captures_within_totals
-- Nobody pays more than the order, and what is kept after refunds is between nothing and the total. Counted from the
-- payments and refunds themselves.
SELECT o.tenant_id, o.id, o.total_minor, p.captured, p.refunded
FROM orders AS o
JOIN (
    SELECT x.tenant_id, x.order_id, sum(x.amount_minor) FILTER (WHERE x.status = 'captured') AS captured, sum(r.amount) AS refunded
    FROM payments AS x
    LEFT JOIN (SELECT tenant_id, payment_id, sum(amount_minor) AS amount FROM refunds GROUP BY tenant_id, payment_id) AS r
        ON r.tenant_id = x.tenant_id AND r.payment_id = x.id
    GROUP BY x.tenant_id, x.order_id
) AS p ON p.tenant_id = o.tenant_id AND p.order_id = o.id
WHERE coalesce(p.captured, 0) > o.total_minor OR coalesce(p.refunded, 0) > coalesce(p.captured, 0);
