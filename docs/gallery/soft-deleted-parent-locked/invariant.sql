-- No order that counts belongs to a deleted customer.
SELECT o.id, c.id AS customer_id
FROM orders AS o
JOIN customers AS c ON c.id = o.customer_id
WHERE NOT o.is_deleted AND c.is_deleted;
