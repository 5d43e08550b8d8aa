-- What a shop's pages ask. The application sets app.tenant_id first, and every query names the tenant as well: row level
-- security is the net, not the index condition.

-- name: product_page
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: product_id bigint = (SELECT l.product_id FROM order_lines AS l WHERE l.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY l.order_id DESC LIMIT 1)
-- tenant: required
-- rate: 400/s
-- budget: 10 ms, no-seq-scan(product_prices), no-seq-scan(products)
SELECT p.id, p.sku, p.title, p.description, r.price_minor, r.currency, coalesce(s.quantity_on_hand, 0) > 0 AS is_available
FROM products AS p
JOIN tenants AS t ON t.id = p.tenant_id
JOIN product_prices AS r ON r.tenant_id = p.tenant_id AND r.product_id = p.id AND r.currency = t.currency AND r.valid_during @> now()
LEFT JOIN stock_levels AS s ON s.tenant_id = p.tenant_id AND s.product_id = p.id
WHERE p.tenant_id = $1 AND p.id = $2 AND p.archived_at IS NULL;

-- The page first, then its prices: joined the other way round, all prices of the shop are read for 24.
-- name: product_list
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: after_sku text = ''
-- tenant: required
-- rate: 200/s
-- budget: 20 ms, no-seq-scan(product_prices)
SELECT p.id, p.sku, p.title, r.price_minor, r.currency, coalesce(s.quantity_on_hand, 0) > 0 AS is_available
FROM (
    SELECT x.tenant_id, x.id, x.sku, x.title
    FROM products AS x
    WHERE x.tenant_id = $1 AND x.sku > $2 AND x.archived_at IS NULL
    ORDER BY x.sku
    LIMIT 24
) AS p
JOIN tenants AS t ON t.id = p.tenant_id
LEFT JOIN product_prices AS r ON r.tenant_id = p.tenant_id AND r.product_id = p.id AND r.currency = t.currency AND r.valid_during @> now()
LEFT JOIN stock_levels AS s ON s.tenant_id = p.tenant_id AND s.product_id = p.id
ORDER BY p.sku;

-- What a basket costs now; the order keeps a copy.
-- name: basket_prices
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: product_ids bigint[] = (SELECT array_agg(x.id) FROM (SELECT p.id FROM products AS p WHERE p.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY p.id LIMIT 5) AS x)
-- tenant: required
-- rate: 250/s
-- budget: 10 ms, no-seq-scan(product_prices)
SELECT r.product_id, r.price_minor, r.currency, s.quantity_on_hand
FROM product_prices AS r
JOIN tenants AS t ON t.id = r.tenant_id AND t.currency = r.currency
LEFT JOIN stock_levels AS s ON s.tenant_id = r.tenant_id AND s.product_id = r.product_id
WHERE r.tenant_id = $1 AND r.product_id = ANY ($2) AND r.valid_during @> now();

-- name: customer_by_email
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: email text = (SELECT upper(c.email) FROM customers AS c WHERE c.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY c.id LIMIT 1)
-- tenant: required
-- rate: 60/s
-- budget: 5 ms, no-seq-scan(customers)
SELECT c.id, c.given_name, c.family_name, c.phone_number
FROM customers AS c
WHERE c.tenant_id = $1 AND c.email = lower($2);

-- After a lost answer: did the basket become an order?
-- name: order_by_key
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: idempotency_key text = (SELECT o.idempotency_key FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.id DESC LIMIT 1)
-- tenant: required
-- rate: 50/s
-- budget: 5 ms, no-seq-scan(orders)
SELECT o.id, o.status, o.total_minor, o.currency
FROM orders AS o
WHERE o.tenant_id = $1 AND o.idempotency_key = $2;

-- name: customer_orders
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: customer_id bigint = (SELECT o.customer_id FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.id LIMIT 1)
-- tenant: required
-- rate: 120/s
-- budget: 10 ms, no-seq-scan(orders)
SELECT o.id, o.created_at, o.status, o.total_minor, o.captured_minor, o.currency
FROM orders AS o
WHERE o.tenant_id = $1 AND o.customer_id = $2
ORDER BY o.created_at DESC
LIMIT 20;

-- name: order_page
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: order_id bigint = (SELECT o.id FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.created_at DESC LIMIT 1)
-- tenant: required
-- rate: 180/s
-- budget: 10 ms, no-seq-scan(orders), no-seq-scan(order_lines)
SELECT o.id, o.status, o.total_minor, o.captured_minor, o.currency, o.metadata ->> 'gift_note' AS gift_note,
    l.line_no, p.sku, p.title, l.quantity, l.shipped_quantity, l.unit_price_minor
FROM orders AS o
JOIN order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
JOIN products AS p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
WHERE o.tenant_id = $1 AND o.id = $2
ORDER BY l.line_no;

-- name: order_parcels
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: order_id bigint = (SELECT o.id FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.created_at DESC LIMIT 1)
-- tenant: required
-- rate: 80/s
-- budget: 10 ms, no-seq-scan(shipments)
SELECT s.shipment_no, s.carrier, s.tracking_code, s.created_at, s.delivered_at
FROM shipments AS s
WHERE s.tenant_id = $1 AND s.order_id = $2
ORDER BY s.shipment_no;

-- name: store_credit
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: customer_id bigint = (SELECT a.customer_id FROM accounts AS a WHERE a.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) AND a.customer_id IS NOT NULL ORDER BY a.id LIMIT 1)
-- tenant: required
-- rate: 60/s
-- budget: 5 ms, no-seq-scan(accounts)
SELECT a.currency, a.balance_minor
FROM accounts AS a
WHERE a.tenant_id = $1 AND a.customer_id = $2;
