-- Customer 1 orders two units of product 1.
BEGIN;
SELECT id FROM products WHERE id = 1 FOR NO KEY UPDATE;
INSERT INTO orders (id, customer_id) VALUES (1, 1);
INSERT INTO order_lines (order_id, product_id, quantity) VALUES (1, 1, 2);
SELECT sum(quantity) AS units FROM order_lines WHERE order_id = 1;
UPDATE products SET stock = stock - 2 WHERE id = 1;
UPDATE customers SET orders = orders + 1 WHERE id = 1;
INSERT INTO messages (id, order_id) VALUES (1, 1);
COMMIT;
