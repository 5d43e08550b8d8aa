-- name: order_count
-- recount: products.order_count
SELECT p.id, p.order_count, count(o.id) AS recounted
FROM products AS p LEFT JOIN orders AS o ON o.product_id = p.id
GROUP BY p.id
HAVING p.order_count <> count(o.id);
