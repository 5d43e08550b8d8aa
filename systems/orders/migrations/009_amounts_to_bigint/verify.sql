-- Both columns say the same in every row.
SELECT l.tenant_id, l.order_id, l.line_no, l.unit_price_cents, l.unit_price_minor
FROM order_lines AS l
WHERE l.unit_price_minor IS DISTINCT FROM l.unit_price_cents;

-- And the totals still agree with the new column.
SELECT o.tenant_id, o.id, o.total_minor
FROM orders AS o
LEFT JOIN order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
GROUP BY o.tenant_id, o.id, o.total_minor
HAVING o.total_minor <> coalesce(sum(l.quantity * l.unit_price_minor), 0);
