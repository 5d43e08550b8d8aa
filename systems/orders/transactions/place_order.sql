-- name: place_order
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM stock_levels AS s WHERE s.tenant_id = t.id AND s.quantity_on_hand > 3) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: customer_id bigint = (SELECT x.id FROM customers AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM stock_levels AS s WHERE s.tenant_id = t.id AND s.quantity_on_hand > 3) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) ORDER BY random() LIMIT 1)
-- param: product_id bigint = (SELECT x.product_id FROM stock_levels AS x JOIN products AS p ON p.tenant_id = x.tenant_id AND p.id = x.product_id WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM stock_levels AS s WHERE s.tenant_id = t.id AND s.quantity_on_hand > 3) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.quantity_on_hand > 3 AND p.archived_at IS NULL ORDER BY random() LIMIT 1)
-- param: quantity integer = 1
-- param: other_product_id bigint = (SELECT x.product_id FROM stock_levels AS x JOIN products AS p ON p.tenant_id = x.tenant_id AND p.id = x.product_id WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM stock_levels AS s WHERE s.tenant_id = t.id AND s.quantity_on_hand > 3) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.quantity_on_hand > 3 AND p.archived_at IS NULL ORDER BY random() LIMIT 1)
-- param: other_quantity integer = floor(random() * 2)
-- param: idempotency_key text = 'basket-' || gen_random_uuid()
--
-- A basket of one or two products becomes an order: stock is taken, the total is booked as owed. Other_quantity 0 leaves the
-- second product out. The same basket sent again finds the order that it made.
-- Locks: stock_levels in ascending product, then the new order.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

-- Whoever wants these products queues here. The quantity is looked at after waiting, so the last piece goes to one of two.
WITH basket AS (
    SELECT b.product_id, sum(b.quantity) AS quantity
    FROM (VALUES (:product_id::bigint, :quantity::integer), (:other_product_id::bigint, :other_quantity::integer)) AS b (product_id, quantity)
    WHERE b.quantity > 0
    GROUP BY b.product_id
), shelf AS (
    SELECT s.product_id, s.quantity_on_hand FROM stock_levels AS s
    WHERE s.tenant_id = :tenant_id AND s.product_id IN (:product_id, :other_product_id)
    ORDER BY s.product_id
    FOR NO KEY UPDATE
)
SELECT (count(*) = count(*) FILTER (WHERE shelf.quantity_on_hand >= basket.quantity))::integer AS has_stock
FROM basket LEFT JOIN shelf ON shelf.product_id = basket.product_id \gset

-- A new statement sees what was committed while we waited: the same basket, if it came twice. Also: is all of it on sale now?
SELECT (SELECT count(*) FROM orders AS o WHERE o.tenant_id = :tenant_id AND o.idempotency_key = :idempotency_key) AS is_repeat,
    t.currency,
    (NOT EXISTS (
        SELECT FROM (VALUES (:product_id::bigint, :quantity::integer), (:other_product_id::bigint, :other_quantity::integer)) AS b (product_id, quantity)
        WHERE b.quantity > 0 AND NOT EXISTS (
            SELECT FROM products AS p
            JOIN product_prices AS r ON r.tenant_id = p.tenant_id AND r.product_id = p.id
            WHERE p.tenant_id = :tenant_id AND p.id = b.product_id AND p.archived_at IS NULL
                AND r.currency = t.currency AND r.valid_during @> now()
        )
    ))::integer AS is_on_sale
FROM tenants AS t WHERE t.id = :tenant_id \gset

\if :is_repeat
SELECT o.id AS order_id, o.total_minor FROM orders AS o WHERE o.tenant_id = :tenant_id AND o.idempotency_key = :idempotency_key \gset
\elif :has_stock * :is_on_sale
INSERT INTO orders (tenant_id, customer_id, currency, idempotency_key)
VALUES (:tenant_id, :customer_id, :currency, :idempotency_key)
RETURNING id AS order_id \gset

INSERT INTO order_lines (tenant_id, order_id, line_no, product_id, quantity, unit_price_minor)
SELECT :tenant_id, :order_id, b.line_no, b.product_id, b.quantity, r.price_minor
FROM (VALUES (1, :product_id::bigint, :quantity::integer), (2, :other_product_id::bigint, :other_quantity::integer)) AS b (line_no, product_id, quantity)
JOIN product_prices AS r ON r.tenant_id = :tenant_id AND r.product_id = b.product_id AND r.currency = :currency AND r.valid_during @> now()
WHERE b.quantity > 0;

-- The level follows by its trigger.
INSERT INTO stock_movements (tenant_id, product_id, reason, quantity, order_id, line_no)
SELECT l.tenant_id, l.product_id, 'sale', -l.quantity, l.order_id, l.line_no
FROM order_lines AS l WHERE l.tenant_id = :tenant_id AND l.order_id = :order_id;

SELECT o.total_minor FROM orders AS o WHERE o.tenant_id = :tenant_id AND o.id = :order_id \gset

-- A free order owes nothing, and the books have no entry of zero.
\if :total_minor > 0
INSERT INTO ledger_transactions (tenant_id, kind, order_id, entry_count, idempotency_key)
VALUES (:tenant_id, 'order_placed', :order_id, 2, 'order:' || :order_id)
RETURNING id AS transaction_id \gset

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT :tenant_id, :transaction_id, v.entry_no, a.id, v.amount_minor
FROM (VALUES (1, 'receivable', :total_minor::bigint), (2, 'sales', -:total_minor::bigint)) AS v (entry_no, kind, amount_minor)
JOIN accounts AS a ON a.tenant_id = :tenant_id AND a.kind = v.kind AND a.currency = :currency AND a.customer_id IS NULL;
\endif

INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'order.placed', jsonb_build_object('order_id', :order_id::bigint, 'total_minor', :total_minor::bigint, 'currency', :currency::text));
\endif

COMMIT;
