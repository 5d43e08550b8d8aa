-- batch: order_lines by (tenant_id, order_id, line_no), 5000
UPDATE order_lines AS l
SET unit_price_minor = l.unit_price_cents
WHERE (l.tenant_id, l.order_id, l.line_no) > (:low) AND (l.tenant_id, l.order_id, l.line_no) <= (:high)
    AND l.unit_price_minor IS DISTINCT FROM l.unit_price_cents;
