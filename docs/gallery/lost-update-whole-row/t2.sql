-- Changes the weight and saves the whole product as it was read.
BEGIN;
SELECT price, weight FROM products WHERE id = 1
\gset
UPDATE products SET price = :price, weight = 6 WHERE id = 1;
INSERT INTO changes (id, new_weight) VALUES (2, 6);
COMMIT;
