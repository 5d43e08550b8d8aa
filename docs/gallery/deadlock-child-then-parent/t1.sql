-- Adds line 2 to the order, then locks the order to write its total.
BEGIN;
INSERT INTO order_lines (id, order_id, amount) VALUES (2, 1, 20);
SELECT id FROM orders WHERE id = 1 FOR UPDATE;
UPDATE orders SET total = (SELECT sum(amount) FROM order_lines WHERE order_id = 1) WHERE id = 1;
COMMIT;
