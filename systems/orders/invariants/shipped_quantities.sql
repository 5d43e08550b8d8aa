-- name: shipped_quantities
-- recount: order_lines.shipped_quantity
-- What has left of a line equals what is in its parcels.
SELECT l.tenant_id, l.order_id, l.line_no, l.shipped_quantity, r.quantity
FROM order_lines AS l
LEFT JOIN (
    SELECT s.tenant_id, s.order_id, s.line_no, sum(s.quantity) AS quantity
    FROM shipment_lines AS s GROUP BY s.tenant_id, s.order_id, s.line_no
) AS r ON r.tenant_id = l.tenant_id AND r.order_id = l.order_id AND r.line_no = l.line_no
WHERE l.shipped_quantity IS DISTINCT FROM coalesce(r.quantity, 0);
