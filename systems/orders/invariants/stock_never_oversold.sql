-- name: stock_never_oversold
-- Nothing was sold that was not there; counted from the movements, not from the level.
SELECT m.tenant_id, m.product_id, sum(m.quantity) AS quantity
FROM stock_movements AS m
GROUP BY m.tenant_id, m.product_id
HAVING sum(m.quantity) < 0;
