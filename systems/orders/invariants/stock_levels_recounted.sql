-- name: stock_levels_recounted
-- recount: stock_levels.quantity_on_hand
-- The stock of a product equals its movements; a product that moved has a level.
SELECT coalesce(s.tenant_id, r.tenant_id) AS tenant_id, coalesce(s.product_id, r.product_id) AS product_id, s.quantity_on_hand, r.quantity
FROM stock_levels AS s
FULL JOIN (
    SELECT m.tenant_id, m.product_id, sum(m.quantity) AS quantity FROM stock_movements AS m GROUP BY m.tenant_id, m.product_id
) AS r ON r.tenant_id = s.tenant_id AND r.product_id = s.product_id
WHERE s.quantity_on_hand IS DISTINCT FROM coalesce(r.quantity, 0);
