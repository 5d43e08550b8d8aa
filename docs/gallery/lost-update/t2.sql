-- Sells two units; reads the stock, subtracts in the application and writes the result back.
BEGIN;
SELECT stock FROM products WHERE id = 1
\gset
UPDATE products SET stock = :stock::integer - 2 WHERE id = 1;
INSERT INTO sales (id, product_id, quantity) VALUES (2, 1, 2);
COMMIT;
