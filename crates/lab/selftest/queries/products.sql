-- name: product_by_slug
-- param: slug text = 'lamp'
SELECT id, slug, stock FROM live_products WHERE slug = $1;
