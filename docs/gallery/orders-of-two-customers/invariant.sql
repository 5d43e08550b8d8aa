-- What was ordered has left the stock, and every order is counted.
SELECT p.id
FROM products AS p
JOIN customers AS c ON c.id = p.id
WHERE p.stock <> 5 - (SELECT coalesce(sum(l.quantity), 0) FROM order_lines AS l WHERE l.product_id = p.id)
   OR c.orders <> (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id);
