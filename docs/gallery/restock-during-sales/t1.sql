-- Sells a unit of product 1, the number of units sold before read first.
BEGIN;
SELECT sold FROM products WHERE id = 1
\gset
UPDATE products SET sold = :sold::integer + 1 WHERE id = 1;
COMMIT;
