-- name: product_by_slug
-- param: slug text = 'lamp'
SELECT id, slug, stock FROM live_products WHERE slug = $1;

-- name: order_by_id
-- param: id bigint = 17
-- budget: 10 ms, buffers <= 6, no-seq-scan(orders)
SELECT id, customer_id, product_id, quantity FROM orders WHERE id = $1;

-- name: products_found
-- param: words text = 'lamp'
SELECT id, slug FROM live_products WHERE to_tsvector('simple', replace(slug, '-', ' ')) @@ plainto_tsquery('simple', $1);

-- name: orders_page
-- param: after bigint = 40
SELECT id, customer_id, quantity FROM orders WHERE id > $1 ORDER BY id LIMIT 20;
