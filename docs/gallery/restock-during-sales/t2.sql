-- Sells a unit of product 2, the number of units sold before read first.
BEGIN;
SELECT sold FROM products WHERE id = 2
\gset
UPDATE products SET sold = :sold::integer + 1 WHERE id = 2;
COMMIT;
