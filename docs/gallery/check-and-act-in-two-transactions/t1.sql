-- Sells a unit to buyer 1; checks the stock in one transaction and takes the unit in the next.
BEGIN;
SELECT stock > 0 AS is_available FROM products WHERE id = 1
\gset
COMMIT;
\if :is_available
BEGIN;
UPDATE products SET stock = stock - 1 WHERE id = 1;
COMMIT;
\endif
