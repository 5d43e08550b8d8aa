-- Customer 2 orders two units of product 2.
BEGIN;
SELECT id FROM products WHERE id = 2 FOR NO KEY UPDATE;
INSERT INTO orders (id, customer_id) VALUES (2, 2);
INSERT INTO order_lines (order_id, product_id, quantity) VALUES (2, 2, 2);
SELECT sum(quantity) AS units FROM order_lines WHERE order_id = 2;
UPDATE products SET stock = stock - 2 WHERE id = 2;
UPDATE customers SET orders = orders + 1 WHERE id = 2;
INSERT INTO messages (id, order_id) VALUES (2, 2);
COMMIT;
