-- name: order
-- param: customer bigint = (SELECT id FROM customers ORDER BY random() LIMIT 1)
-- param: product bigint = (SELECT id FROM products WHERE deleted_at IS NULL ORDER BY random() LIMIT 1)
BEGIN;
UPDATE products SET stock = stock - 1 WHERE id = :product AND deleted_at IS NULL AND stock > 0;
INSERT INTO orders (customer_id, product_id, quantity) VALUES (:customer, :product, 1);
COMMIT;
