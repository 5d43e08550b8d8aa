-- Sells a unit to buyer 1; takes it only where one is left, and looks whether a row was changed.
BEGIN;
WITH taken AS (
    UPDATE products SET stock = stock - 1 WHERE id = 1 AND stock > 0 RETURNING id
)
SELECT count(*) AS is_taken FROM taken
\gset
\if :is_taken
INSERT INTO sales (id, product_id) VALUES (1, 1);
\endif
COMMIT;
