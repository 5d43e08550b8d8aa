-- Sells one unit; lets the database subtract.
BEGIN;
UPDATE products SET stock = stock - 1 WHERE id = 1;
INSERT INTO sales (id, product_id, quantity) VALUES (1, 1, 1);
COMMIT;
