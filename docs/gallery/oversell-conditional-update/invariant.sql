-- One unit was in stock, so stock and sales together are one.
SELECT p.id, p.stock, count(s.id) AS sales
FROM products AS p
LEFT JOIN sales AS s ON s.product_id = p.id
GROUP BY p.id
HAVING p.stock < 0 OR p.stock + count(s.id) <> 1;
