-- The stock is what was received less what was sold.
SELECT p.id, p.stock, p.received - coalesce(sum(s.quantity), 0) AS expected_stock
FROM products AS p
LEFT JOIN sales AS s ON s.product_id = p.id
GROUP BY p.id
HAVING p.stock <> p.received - coalesce(sum(s.quantity), 0);
