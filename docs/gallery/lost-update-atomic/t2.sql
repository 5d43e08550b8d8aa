-- Sells two units; lets the database subtract.
BEGIN;
UPDATE products SET stock = stock - 2 WHERE id = 1;
INSERT INTO sales (id, product_id, quantity) VALUES (2, 1, 2);
COMMIT;
