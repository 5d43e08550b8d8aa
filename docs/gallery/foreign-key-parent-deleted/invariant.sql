-- Every order has a customer.
SELECT o.id FROM orders AS o WHERE NOT EXISTS (SELECT FROM customers AS c WHERE c.id = o.customer_id);
