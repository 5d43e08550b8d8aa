-- Sells a unit to buyer 2 if the stock, read before, allows it.
BEGIN;
SELECT stock > 0 AS is_available FROM products WHERE id = 1
\gset
\if :is_available
UPDATE products SET stock = stock - 1 WHERE id = 1;
INSERT INTO sales (id, product_id) VALUES (2, 1);
\endif
COMMIT;
