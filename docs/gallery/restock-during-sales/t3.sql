-- Receives a unit of each product.
BEGIN;
UPDATE products SET received = received + 1 WHERE id = 1;
UPDATE products SET received = received + 1 WHERE id = 2;
COMMIT;
