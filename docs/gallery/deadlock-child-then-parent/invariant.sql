-- The total of an order is the sum of its lines.
SELECT o.id, o.total, sum(l.amount) AS sum_of_lines
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
GROUP BY o.id
HAVING o.total <> sum(l.amount);
