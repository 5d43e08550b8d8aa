-- name: product_by_slug
-- param: slug text = 'lamp'
SELECT id, slug, stock FROM live_products WHERE slug = $1;

-- name: order_by_id
-- param: id bigint = 17
-- budget: 10 ms, buffers <= 6, no-seq-scan(orders)
SELECT id, customer_id, product_id, quantity FROM orders WHERE id = $1;
