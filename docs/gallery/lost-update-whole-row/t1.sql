-- Changes the price and saves the whole product as it was read.
BEGIN;
SELECT price, weight FROM products WHERE id = 1
\gset
UPDATE products SET price = 120, weight = :weight WHERE id = 1;
INSERT INTO changes (id, new_price) VALUES (1, 120);
COMMIT;
