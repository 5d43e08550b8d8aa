-- Volume shaped like production, on top of the seed. :scale 1 gives 20 000 orders and about 100 000 ledger entries over 20
-- shops; :scale 50 gives one million orders and five million entries over 200 shops.
--
-- Shape: the size of shops falls like 1/rank (at 200 shops the largest has a fifth of everything), a small part of the
-- products and customers makes most of the orders, nineteen of twenty orders are paid and shipped.
--
-- Deterministic: every choice is a hash of the row's number, so the same :scale gives the same rows everywhere.
--
-- Set by set: the user triggers are off inside this transaction (only the owner may do that), and what they would have
-- kept is computed with the rows. Row by row it would take many times longer and give the same numbers; the recounts in
-- invariants/ hold that against it.
--
-- For the same reason the keys and indexes of the large tables are put aside and made again, word for word, at the end:
-- building an index is one sort, and checking a foreign key for all rows at once is one join. Making them again checks
-- every row, and all of it is one transaction, so nobody ever sees a table without them.

-- Estimates for generated rows are far off, and compiling each query would take longer than running it.
SET LOCAL jit = off;
SET LOCAL work_mem = '128MB';
SET LOCAL maintenance_work_mem = '256MB';

-- A number in [0, 1) from a row number; salt makes choices independent of each other.
CREATE FUNCTION pg_temp.u(n bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE
AS $$ SELECT (hashint8extended(n, salt) & 1073741823) / 1073741824::double precision $$;

-- One of the elements of an array.
CREATE FUNCTION pg_temp.pick(choices text[], n bigint, salt bigint) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT choices[1 + floor(pg_temp.u(n, salt) * cardinality(choices))::integer] $$;

CREATE TEMPORARY TABLE scale_aside ON COMMIT DROP AS
WITH large AS (
    SELECT unnest('{customers,orders,order_lines,stock_movements,payments,refunds,shipments,shipment_lines,ledger_transactions,ledger_entries}'::regclass[]) AS relation
)
SELECT CASE c.contype WHEN 'p' THEN 1 WHEN 'u' THEN 2 ELSE 4 END AS place, 'CONSTRAINT' AS kind, c.conrelid::regclass AS relation, c.conname AS object_name,
    pg_get_constraintdef(c.oid) AS definition, obj_description(c.oid, 'pg_constraint') AS remark
FROM pg_constraint AS c
WHERE c.contype IN ('p', 'u', 'f') AND (c.conrelid IN (SELECT relation FROM large) OR c.confrelid IN (SELECT relation FROM large))
UNION ALL
SELECT 3, 'INDEX', i.indrelid::regclass, r.relname, pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class')
FROM pg_index AS i
JOIN pg_class AS r ON r.oid = i.indexrelid
WHERE i.indrelid IN (SELECT relation FROM large) AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'));

DO $$
DECLARE
    aside record;
BEGIN
    FOR aside IN SELECT * FROM scale_aside ORDER BY place DESC LOOP
        IF aside.kind = 'CONSTRAINT' THEN
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', aside.relation, aside.object_name);
        ELSE
            EXECUTE format('DROP INDEX %I', aside.object_name);
        END IF;
    END LOOP;
END
$$;

ALTER TABLE accounts DISABLE TRIGGER USER;
ALTER TABLE orders DISABLE TRIGGER USER;
ALTER TABLE order_lines DISABLE TRIGGER USER;
ALTER TABLE stock_movements DISABLE TRIGGER USER;
ALTER TABLE payments DISABLE TRIGGER USER;
ALTER TABLE refunds DISABLE TRIGGER USER;
ALTER TABLE shipment_lines DISABLE TRIGGER USER;
ALTER TABLE ledger_transactions DISABLE TRIGGER USER;
ALTER TABLE ledger_entries DISABLE TRIGGER USER;

-- Shops: 20 at least, four per scale, numbered from 1001, the largest first. The exponent gives the first of 200 a fifth.
CREATE TEMPORARY TABLE scale_tenants ON COMMIT DROP AS
SELECT k, 1000 + k AS tenant_id, pg_temp.pick('{EUR,EUR,EUR,SEK,USD,GBP,JPY}', k, 1) AS currency,
    (sum(power(k, -1.07)) OVER (ORDER BY k) - power(k, -1.07)) / sum(power(k, -1.07)) OVER () AS threshold
FROM generate_series(1, greatest(20, 4 * :scale)) AS k;

INSERT INTO tenants (id, slug, title, currency, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT t.tenant_id, 'shop-' || t.k, 'Shop ' || t.k, t.currency, '2024-12-01 UTC', '2024-12-01 UTC' FROM scale_tenants AS t;

INSERT INTO users (tenant_id, id, email, display_name, duty, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT t.tenant_id, 1000 + 3 * t.k + d.place, d.duty || '@shop-' || t.k || '.example',
    pg_temp.pick('{Ana,Ben,Cleo,Dev,Eva,Finn,Gina,Hana}', t.k, d.place) || ' ' || pg_temp.pick('{Abe,Berg,Cruz,Diaz,Eder,Fox}', t.k, 10 + d.place),
    d.duty, '2024-12-01 UTC', '2024-12-01 UTC'
FROM scale_tenants AS t
CROSS JOIN (VALUES (0, 'owner'), (1, 'clerk'), (2, 'packer')) AS d (place, duty);

-- Kinds are numbered, so that an entry finds its account by arithmetic.
INSERT INTO accounts (tenant_id, id, kind, currency, created_at)
OVERRIDING SYSTEM VALUE
SELECT t.tenant_id, 1000 + 8 * t.k + d.place, d.kind, t.currency, '2024-12-01 UTC'
FROM scale_tenants AS t
CROSS JOIN (VALUES (1, 'cash'), (2, 'receivable'), (3, 'sales'), (4, 'returns'), (5, 'fees'), (6, 'goodwill')) AS d (place, kind);

-- Whose row number n is: the first ones in turn, so that every shop has some, the rest by size.
CREATE TEMPORARY TABLE scale_customers ON COMMIT DROP AS
SELECT t.tenant_id, t.currency, c.n, row_number() OVER (PARTITION BY t.tenant_id ORDER BY c.n) AS place, count(*) OVER (PARTITION BY t.tenant_id) AS customer_count
FROM (
    SELECT n, CASE WHEN n <= x.shops THEN n ELSE width_bucket(pg_temp.u(n, 20), x.thresholds) END AS k
    FROM (SELECT count(*) AS shops, array_agg(threshold ORDER BY k) AS thresholds FROM scale_tenants) AS x
    CROSS JOIN LATERAL generate_series(1, 8000 * :scale) AS n
) AS c
JOIN scale_tenants AS t ON t.k = c.k;

INSERT INTO customers (tenant_id, id, email, given_name, family_name, phone_number, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT c.tenant_id, 1000 + c.n, 'customer' || c.n || '@example.com',
    pg_temp.pick('{Ana,Ben,Cleo,Dev,Eva,Finn,Gina,Hana,Ivo,Jun,Kaya,Leo,Mia,Noor,Omar,Pia,Quinn,Rosa,Sami,Tess,Uma,Vera,Will,Yuki}', c.n, 21),
    CASE WHEN pg_temp.u(c.n, 22) >= 0.02 THEN pg_temp.pick('{Abe,Berg,Bergman,Cruz,Diaz,Eder,Fox,Gray,Horn,Ito,Jain,Koch,Lund,Meyer,Nunes,Olsen,Park,Reyes,Sato,Toth,Urban,Vogt,Wolf,Young,Zhang}', c.n, 23) END,
    CASE WHEN pg_temp.u(c.n, 24) < 0.6 THEN '+4670' || lpad((c.n % 10000000)::text, 7, '0') END,
    x.created_at, x.created_at
FROM scale_customers AS c
CROSS JOIN LATERAL (SELECT '2024-12-01 UTC'::timestamptz + pg_temp.u(c.n, 25) * interval '30 days' AS created_at) AS x
ORDER BY c.n;

-- Ten products per shop, and 300 per scale by size. The price of now came with the autumn of 2025.
CREATE TEMPORARY TABLE scale_products ON COMMIT DROP AS
SELECT t.tenant_id, t.currency, p.n, row_number() OVER (PARTITION BY t.tenant_id ORDER BY p.n) AS place, count(*) OVER (PARTITION BY t.tenant_id) AS product_count,
    (200 + floor(power(pg_temp.u(p.n, 31), 3) * 60000))::bigint AS price
FROM (
    SELECT n, CASE WHEN n <= 10 * x.shops THEN 1 + n % x.shops ELSE width_bucket(pg_temp.u(n, 30), x.thresholds) END AS k
    FROM (SELECT count(*) AS shops, array_agg(threshold ORDER BY k) AS thresholds FROM scale_tenants) AS x
    CROSS JOIN LATERAL generate_series(1, 10 * x.shops + 300 * :scale) AS n
) AS p
JOIN scale_tenants AS t ON t.k = p.k;

INSERT INTO products (tenant_id, id, sku, title, archived_at, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT p.tenant_id, 1000 + p.n, 'SKU-' || p.n, pg_temp.pick('{Lamp,Chair,Table,Shelf,Rug,Vase,Clock,Mirror,Basket,Candle}', p.n, 32) || ' ' || p.n,
    CASE WHEN p.place > 5 AND pg_temp.u(p.n, 33) < 0.05 THEN '2026-06-20 UTC'::timestamptz END, '2024-12-01 UTC', '2024-12-01 UTC'
FROM scale_products AS p;

INSERT INTO product_prices (tenant_id, id, product_id, currency, price_minor, valid_during, created_at)
OVERRIDING SYSTEM VALUE
SELECT p.tenant_id, 1000 + 2 * p.n, 1000 + p.n, p.currency, p.price * 9 / 10, '[2024-12-01 00:00:00+00, 2025-10-01 00:00:00+00)'::tstzrange, '2024-12-01 UTC'::timestamptz
FROM scale_products AS p
UNION ALL
SELECT p.tenant_id, 1001 + 2 * p.n, 1000 + p.n, p.currency, p.price, '[2025-10-01 00:00:00+00,)', '2025-09-20 UTC' FROM scale_products AS p;

-- Orders, oldest first: who, when, and how it went. Everything below reads this, so that it agrees with itself.
CREATE TEMPORARY TABLE scale_drafts ON COMMIT DROP AS
SELECT d.n, t.tenant_id, t.k, t.currency, d.created_at,
    CASE
        WHEN pg_temp.u(d.n, 41) < 0.05 THEN 'cancelled'
        WHEN d.age < 0.01 OR pg_temp.u(d.n, 42) < 0.015 THEN 'placed'
        ELSE 'fulfilled'
    END AS status,
    -- Half of the fresh orders wait for the packer, the rest for money.
    d.age < 0.01 AND pg_temp.u(d.n, 43) < 0.5 AS is_paid_early
FROM (
    SELECT n, width_bucket(pg_temp.u(n, 40), x.thresholds) AS k, 1 - n / (20000.0 * :scale) AS age,
        '2025-01-01 UTC'::timestamptz + n / (20000.0 * :scale) * interval '545 days' AS created_at
    FROM (SELECT array_agg(threshold ORDER BY k) AS thresholds FROM scale_tenants) AS x
    CROSS JOIN LATERAL generate_series(1, 20000 * :scale) AS n
) AS d
JOIN scale_tenants AS t ON t.k = d.k;
ANALYZE scale_drafts, scale_products, scale_customers;

CREATE TEMPORARY TABLE scale_lines ON COMMIT DROP AS
SELECT d.n, d.tenant_id, d.status, d.created_at, l.line_no, 1000 + p.n AS product_id, 1 + floor(power(pg_temp.u(d.n * 4 + l.line_no, 51), 3) * 4)::integer AS quantity,
    CASE WHEN d.created_at < '2025-10-01 UTC' THEN p.price * 9 / 10 ELSE p.price END AS price
FROM scale_drafts AS d
JOIN (SELECT DISTINCT tenant_id, product_count FROM scale_products) AS c ON c.tenant_id = d.tenant_id
CROSS JOIN LATERAL generate_series(1, 1 + floor(pg_temp.u(d.n, 50) * 2.4)::integer) AS l (line_no)
JOIN scale_products AS p ON p.tenant_id = d.tenant_id AND p.place = 1 + floor(power(pg_temp.u(d.n * 4 + l.line_no, 52), 2) * c.product_count)::bigint;
ANALYZE scale_lines;

CREATE TEMPORARY TABLE scale_orders ON COMMIT DROP AS
SELECT d.n, d.tenant_id, d.k, d.currency, d.created_at, d.status, 1000 + x.n AS customer_id, l.amount, l.line_count,
    (d.status = 'fulfilled' OR (d.status = 'placed' AND d.is_paid_early)) AS is_captured, (l.amount * 15 + 999) / 1000 AS fee,
    CASE WHEN d.status = 'fulfilled' AND pg_temp.u(d.n, 60) < 0.1 THEN CASE WHEN pg_temp.u(d.n, 61) < 0.5 THEN l.amount ELSE (l.amount + 1) / 2 END ELSE 0 END AS refunded
FROM scale_drafts AS d
JOIN (SELECT n, sum(quantity * price)::bigint AS amount, count(*) AS line_count FROM scale_lines GROUP BY n) AS l ON l.n = d.n
JOIN (SELECT DISTINCT tenant_id, customer_count FROM scale_customers) AS c ON c.tenant_id = d.tenant_id
JOIN scale_customers AS x ON x.tenant_id = d.tenant_id AND x.place = 1 + floor(power(pg_temp.u(d.n, 62), 2) * c.customer_count)::bigint
ORDER BY d.n;
ANALYZE scale_orders;

INSERT INTO orders (tenant_id, id, customer_id, status, currency, total_minor, captured_minor, idempotency_key, cancelled_at, metadata, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT o.tenant_id, 1000 + o.n, o.customer_id, o.status, o.currency, o.amount, CASE WHEN o.is_captured THEN o.amount ELSE 0 END, 'basket-' || o.n,
    CASE WHEN o.status = 'cancelled' THEN o.created_at + interval '1 day' END,
    CASE WHEN pg_temp.u(o.n, 70) < 0.05 THEN jsonb_build_object('campaign', pg_temp.pick('{spring,summer,autumn,winter}', o.n, 71), 'device', 'phone') ELSE '{}' END,
    o.created_at, o.created_at + interval '1 day'
FROM scale_orders AS o;

INSERT INTO order_lines (tenant_id, order_id, line_no, product_id, quantity, shipped_quantity, unit_price_minor)
SELECT l.tenant_id, 1000 + l.n, l.line_no, l.product_id, l.quantity, CASE l.status WHEN 'fulfilled' THEN l.quantity ELSE 0 END, l.price
FROM scale_lines AS l;

INSERT INTO payments (tenant_id, id, order_id, method, status, amount_minor, fee_minor, refunded_minor, provider_reference, captured_at, voided_at, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT o.tenant_id, 1000 + o.n, 1000 + o.n, CASE WHEN pg_temp.u(o.n, 72) < 0.8 THEN 'card' ELSE 'transfer' END,
    CASE WHEN o.is_captured THEN 'captured' WHEN o.status = 'cancelled' THEN 'voided' ELSE 'authorised' END, o.amount, o.fee, o.refunded, 'auth-' || o.n,
    CASE WHEN o.is_captured THEN o.created_at + interval '1 hour' END, CASE WHEN o.status = 'cancelled' THEN o.created_at + interval '1 day' END,
    o.created_at + interval '1 minute', o.created_at + interval '1 day'
FROM scale_orders AS o
WHERE o.is_captured OR pg_temp.u(o.n, 73) < 0.6;

INSERT INTO refunds (tenant_id, id, payment_id, user_id, amount_minor, reason, idempotency_key, created_at)
OVERRIDING SYSTEM VALUE
SELECT o.tenant_id, 1000 + o.n, 1000 + o.n, 1001 + 3 * o.k, o.refunded, pg_temp.pick('{"Arrived damaged","Did not fit","Came too late"}', o.n, 74), 'form-' || o.n, o.created_at + interval '9 days'
FROM scale_orders AS o WHERE o.refunded > 0;

INSERT INTO shipments (tenant_id, order_id, shipment_no, carrier, tracking_code, delivered_at, created_at)
SELECT o.tenant_id, 1000 + o.n, 1, pg_temp.pick('{post,post,courier,pickup}', o.n, 75), 'TR' || o.n,
    CASE WHEN o.n < 19500 * :scale THEN o.created_at + interval '4 days' END, o.created_at + interval '1 day'
FROM scale_orders AS o WHERE o.status = 'fulfilled';

INSERT INTO shipment_lines (tenant_id, order_id, shipment_no, line_no, quantity)
SELECT l.tenant_id, 1000 + l.n, 1, l.line_no, l.quantity FROM scale_lines AS l WHERE l.status = 'fulfilled';

-- Stock: goods came in once, as many as were needed and some more.
INSERT INTO stock_movements (tenant_id, id, product_id, reason, quantity, created_at)
OVERRIDING SYSTEM VALUE
SELECT p.tenant_id, 1000 + p.n, 1000 + p.n, 'receipt', coalesce(s.quantity, 0) + 5 + floor(pg_temp.u(p.n, 80) * 100)::integer, '2024-12-31 UTC'
FROM scale_products AS p
LEFT JOIN (SELECT product_id, sum(quantity) AS quantity FROM scale_lines WHERE status <> 'cancelled' GROUP BY product_id) AS s ON s.product_id = 1000 + p.n;

INSERT INTO stock_levels (tenant_id, product_id, quantity_on_hand, updated_at)
SELECT p.tenant_id, 1000 + p.n, 5 + floor(pg_temp.u(p.n, 80) * 100)::integer, '2026-06-30 UTC' FROM scale_products AS p;

INSERT INTO stock_movements (tenant_id, id, product_id, reason, quantity, order_id, line_no, created_at)
OVERRIDING SYSTEM VALUE
SELECT l.tenant_id, 1000000 + 8 * l.n + l.line_no + m.place, l.product_id, m.reason, m.sign * l.quantity, 1000 + l.n, l.line_no, l.created_at + m.delay
FROM scale_lines AS l
JOIN (VALUES (0, 'sale', -1, interval '0'), (4, 'cancellation', 1, interval '1 day')) AS m (place, reason, sign, delay)
    ON m.place = 0 OR l.status = 'cancelled';

-- The books: up to four transactions per order, numbered by arithmetic.
INSERT INTO ledger_transactions (tenant_id, id, kind, order_id, entry_count, idempotency_key, created_at)
OVERRIDING SYSTEM VALUE
SELECT o.tenant_id, 1000 + 4 * o.n + x.place, x.kind, 1000 + o.n, x.entry_count, x.word || ':' || 1000 + o.n, o.created_at + x.delay
FROM scale_orders AS o
JOIN (VALUES
    (0, 'order_placed', 2, 'order', interval '0'), (1, 'payment_captured', 3, 'capture', interval '1 hour'),
    (2, 'order_cancelled', 2, 'cancel', interval '1 day'), (3, 'payment_refunded', 2, 'refund', interval '9 days')
) AS x (place, kind, entry_count, word, delay)
    ON x.place = 0 OR (x.place = 1 AND o.is_captured) OR (x.place = 2 AND o.status = 'cancelled') OR (x.place = 3 AND o.refunded > 0);

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT o.tenant_id, 1000 + 4 * o.n + x.place, x.entry_no, 1000 + 8 * o.k + x.account,
    CASE x.part WHEN 'amount' THEN o.amount WHEN 'fee' THEN o.fee WHEN 'net' THEN o.amount - o.fee ELSE o.refunded END * x.sign
FROM scale_orders AS o
JOIN (VALUES
    (0, 1, 2, 'amount', 1), (0, 2, 3, 'amount', -1), (1, 1, 1, 'net', 1), (1, 2, 2, 'amount', -1), (1, 3, 5, 'fee', 1),
    (2, 1, 3, 'amount', 1), (2, 2, 2, 'amount', -1), (3, 1, 4, 'refunded', 1), (3, 2, 1, 'refunded', -1)
) AS x (place, entry_no, account, part, sign)
    ON x.place = 0 OR (x.place = 1 AND o.is_captured) OR (x.place = 2 AND o.status = 'cancelled') OR (x.place = 3 AND o.refunded > 0);

-- One customer in fifty has store credit, not spent yet. Numbers above everything else.
CREATE TEMPORARY TABLE scale_credits ON COMMIT DROP AS
SELECT c.tenant_id, t.k, c.currency, c.n, 100 * (1 + floor(pg_temp.u(c.n, 91) * 50))::bigint AS amount
FROM scale_customers AS c JOIN scale_tenants AS t ON t.tenant_id = c.tenant_id
WHERE pg_temp.u(c.n, 90) < 0.02;

INSERT INTO accounts (tenant_id, id, kind, currency, customer_id, balance_minor, created_at)
OVERRIDING SYSTEM VALUE
SELECT c.tenant_id, 1000000 + c.n, 'store_credit', c.currency, 1000 + c.n, c.amount, '2026-01-01 UTC' FROM scale_credits AS c;

INSERT INTO ledger_transactions (tenant_id, id, kind, entry_count, idempotency_key, created_at)
OVERRIDING SYSTEM VALUE
SELECT c.tenant_id, 100000 * :scale + c.n, 'credit_granted', 2, 'grant:gift-' || c.n, '2026-01-01 UTC' FROM scale_credits AS c;

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor)
SELECT c.tenant_id, 100000 * :scale + c.n, x.entry_no, CASE x.entry_no WHEN 1 THEN 1006 + 8 * c.k ELSE 1000000 + c.n END, c.amount * x.sign
FROM scale_credits AS c
CROSS JOIN (VALUES (1, 1), (2, -1)) AS x (entry_no, sign);

-- Events of the last quarter; what is older was dropped with its month. A few wait.
INSERT INTO outbox_events (tenant_id, created_at, id, topic, payload, attempt_count, last_error, available_at, published_at)
SELECT o.tenant_id, o.created_at, md5('event' || o.n)::uuid, 'order.placed', jsonb_build_object('order_id', 1000 + o.n, 'total_minor', o.amount, 'currency', o.currency),
    CASE WHEN o.n % 50 = 0 THEN 1 ELSE 0 END + CASE WHEN o.n % 200 = 7 THEN 0 ELSE 1 END, CASE WHEN o.n % 50 = 0 THEN 'broker: connection refused' END, o.created_at,
    CASE WHEN o.n % 200 <> 7 THEN o.created_at + interval '1 second' END
FROM scale_orders AS o
WHERE o.created_at >= '2026-04-01 UTC';

-- Back what was put aside: primary keys first, foreign keys last, they look through them.
DO $$
DECLARE
    aside record;
BEGIN
    FOR aside IN SELECT * FROM scale_aside ORDER BY place, relation::text, object_name LOOP
        IF aside.kind = 'CONSTRAINT' THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', aside.relation, aside.object_name, aside.definition);
            EXECUTE format('COMMENT ON CONSTRAINT %I ON %s IS %L', aside.object_name, aside.relation, aside.remark);
        ELSE
            EXECUTE aside.definition;
            EXECUTE format('COMMENT ON INDEX %I IS %L', aside.object_name, aside.remark);
        END IF;
    END LOOP;
END
$$;

ALTER TABLE accounts ENABLE TRIGGER USER;
ALTER TABLE orders ENABLE TRIGGER USER;
ALTER TABLE order_lines ENABLE TRIGGER USER;
ALTER TABLE stock_movements ENABLE TRIGGER USER;
ALTER TABLE payments ENABLE TRIGGER USER;
ALTER TABLE refunds ENABLE TRIGGER USER;
ALTER TABLE shipment_lines ENABLE TRIGGER USER;
ALTER TABLE ledger_transactions ENABLE TRIGGER USER;
ALTER TABLE ledger_entries ENABLE TRIGGER USER;

SELECT setval('tenants_id_seq', (SELECT max(id) FROM tenants));
SELECT setval('users_id_seq', (SELECT max(id) FROM users));
SELECT setval('products_id_seq', (SELECT max(id) FROM products));
SELECT setval('product_prices_id_seq', (SELECT max(id) FROM product_prices));
SELECT setval('customers_id_seq', (SELECT max(id) FROM customers));
SELECT setval('accounts_id_seq', (SELECT max(id) FROM accounts));
SELECT setval('orders_id_seq', (SELECT max(id) FROM orders));
SELECT setval('stock_movements_id_seq', (SELECT max(id) FROM stock_movements));
SELECT setval('payments_id_seq', (SELECT max(id) FROM payments));
SELECT setval('refunds_id_seq', (SELECT max(id) FROM refunds));
SELECT setval('ledger_transactions_id_seq', (SELECT max(id) FROM ledger_transactions));
