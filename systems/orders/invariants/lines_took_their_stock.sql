-- name: lines_took_their_stock
-- Every line took exactly its quantity of its product from the shelf, and a cancelled order gave all of it back.
SELECT l.tenant_id, l.order_id, l.line_no, o.status, l.quantity, m.taken
FROM order_lines AS l
JOIN orders AS o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
LEFT JOIN (
    SELECT tenant_id, order_id, line_no, -sum(quantity) AS taken, min(product_id) AS product_id, max(product_id) AS other_product_id
    FROM stock_movements WHERE order_id IS NOT NULL GROUP BY tenant_id, order_id, line_no
) AS m ON m.tenant_id = l.tenant_id AND m.order_id = l.order_id AND m.line_no = l.line_no
WHERE m.taken IS DISTINCT FROM CASE o.status WHEN 'cancelled' THEN 0 ELSE l.quantity END
    OR (m.product_id, m.other_product_id) IS DISTINCT FROM (l.product_id, l.product_id);
