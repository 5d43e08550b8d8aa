-- What clerks see. Lists are keyset pages: the last row of one page is the parameter of the next.

-- name: order_list_first_page
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- tenant: required
-- rate: 40/s
-- budget: 20 ms, no-seq-scan(orders), no-seq-scan(customers)
SELECT o.id, o.created_at, o.status, o.total_minor, o.captured_minor, o.currency, c.given_name, c.family_name
FROM orders AS o
JOIN customers AS c ON c.tenant_id = o.tenant_id AND c.id = o.customer_id
WHERE o.tenant_id = $1
ORDER BY o.created_at DESC, o.id DESC
LIMIT 50;

-- name: order_list_next_page
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: created_at timestamptz = (SELECT o.created_at FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.created_at DESC, o.id DESC OFFSET 3 LIMIT 1)
-- param: order_id bigint = (SELECT o.id FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.created_at DESC, o.id DESC OFFSET 3 LIMIT 1)
-- tenant: required
-- rate: 15/s
-- budget: 20 ms, no-seq-scan(orders), no-seq-scan(customers)
SELECT o.id, o.created_at, o.status, o.total_minor, o.captured_minor, o.currency, c.given_name, c.family_name
FROM orders AS o
JOIN customers AS c ON c.tenant_id = o.tenant_id AND c.id = o.customer_id
WHERE o.tenant_id = $1 AND (o.created_at, o.id) < ($2, $3)
ORDER BY o.created_at DESC, o.id DESC
LIMIT 50;

-- The beginning of a family name, as written. Not LIKE and not lower(): neither is leakproof, so under row level security they
-- would be asked of every customer of the shop instead of the index.
-- name: find_customers
-- allow: plan-generic-worse because the generic plan reads one shop's customers by name, a hundred buffers
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: beginning text = 'Ber'
-- tenant: required
-- rate: 20/s
-- budget: 20 ms, no-seq-scan(customers)
SELECT c.id, c.given_name, c.family_name, c.email, c.phone_number
FROM customers AS c
WHERE c.tenant_id = $1 AND c.family_name COLLATE "C" >= $2 AND c.family_name COLLATE "C" < $2 || chr(1114111)
ORDER BY c.family_name COLLATE "C"
LIMIT 20;

-- name: payments_of_order
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: order_id bigint = (SELECT o.id FROM orders AS o WHERE o.tenant_id = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1) ORDER BY o.created_at DESC LIMIT 1)
-- tenant: required
-- rate: 40/s
-- budget: 10 ms, no-seq-scan(payments)
SELECT p.id, p.method, p.status, p.amount_minor, p.fee_minor, p.refunded_minor, p.captured_at, p.provider_reference
FROM payments AS p
WHERE p.tenant_id = $1 AND p.order_id = $2
ORDER BY p.id;

-- Authorisations expire: oldest first.
-- name: payments_to_capture
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- tenant: required
-- rate: 2/s
-- budget: 20 ms, no-seq-scan(payments)
SELECT p.id, p.order_id, p.amount_minor, p.created_at
FROM payments AS p
WHERE p.tenant_id = $1 AND p.status = 'authorised'
ORDER BY p.created_at
LIMIT 100;

-- name: refunds_by_user
-- allow: plan-grows because it sums all refunds since a day, and those are what grows
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: since timestamptz = '2026-01-01 UTC'
-- tenant: required
-- rate: 1/s
-- budget: 200 ms
SELECT u.display_name, count(*) AS refund_count, sum(r.amount_minor) AS amount_minor
FROM refunds AS r
JOIN users AS u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
WHERE r.tenant_id = $1 AND r.created_at >= $2
GROUP BY u.id, u.display_name
ORDER BY amount_minor DESC, u.id;

-- name: sales_by_day
-- allow: plan-grows because a month of a larger shop has more orders to sum
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: first_day date = '2026-05-01'
-- param: day_after date = '2026-06-01'
-- tenant: required
-- rate: 2/s
-- budget: 300 ms
SELECT (o.created_at AT TIME ZONE 'UTC')::date AS sales_date, o.currency, count(*) AS order_count, sum(o.total_minor) AS amount_minor
FROM orders AS o
WHERE o.tenant_id = $1 AND o.status <> 'cancelled'
    AND o.created_at >= ($2::date::timestamp AT TIME ZONE 'UTC') AND o.created_at < ($3::date::timestamp AT TIME ZONE 'UTC')
GROUP BY 1, 2
ORDER BY 1, 2;
