-- The statements of the corpus, one per name. What a server does not know (MERGE before 15, JSON_TABLE before 17) it refuses,
-- and the corpus of that version lacks it.
-- name: by key
SELECT * FROM customers WHERE id = 77
-- name: self join with aliases
SELECT a.name, b.name FROM customers AS a JOIN customers AS b ON b.id = a.parent_id WHERE a.city = 'Bern'
-- name: hash join
SELECT c.city, o.total FROM customers AS c JOIN orders AS o ON o.customer_id = c.id
-- name: left join
SELECT c.id, o.id FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id AND o.status = 'open'
-- name: full join
SELECT c.id, s.pieces FROM products AS c FULL JOIN stock AS s ON s.product_id = c.id
-- name: right join of a small side
SELECT o.id, c.id FROM orders AS o RIGHT JOIN customers AS c ON o.customer_id = c.id WHERE c.id < 20
-- name: cross join
SELECT count(*) FROM stock AS a CROSS JOIN (VALUES (1), (2), (3)) AS v (n)
-- name: semi join
SELECT c.id FROM customers AS c WHERE EXISTS (SELECT FROM orders AS o WHERE o.customer_id = c.id AND o.total > 990)
-- name: anti join
SELECT c.id FROM customers AS c WHERE NOT EXISTS (SELECT FROM orders AS o WHERE o.customer_id = c.id AND o.status = 'open')
-- name: hashed subplan
SELECT id FROM products WHERE id NOT IN (SELECT product_id FROM order_lines WHERE quantity = 4)
-- name: correlated subplan
SELECT c.id, (SELECT max(o.total) FROM orders AS o WHERE o.customer_id = c.id) FROM customers AS c WHERE c.id < 30
-- name: alternatives of a subplan
SELECT c.id FROM customers AS c WHERE c.city = 'Oslo' OR EXISTS (SELECT FROM orders AS o WHERE o.customer_id = c.id)
-- name: init plan
SELECT id FROM orders WHERE total = (SELECT max(total) FROM orders)
-- name: several init plans
SELECT id FROM orders WHERE total > (SELECT avg(total) FROM orders) AND placed_at > (SELECT min(placed_at) FROM orders) LIMIT 5
-- name: min and max by an index
SELECT min(total), max(total) FROM orders
-- name: limit above an index
SELECT id, placed_at FROM orders WHERE customer_id = 12 ORDER BY placed_at DESC LIMIT 3
-- name: offset
SELECT id FROM orders ORDER BY id LIMIT 10 OFFSET 4000
-- name: top of a sort
SELECT id, note FROM orders ORDER BY note NULLS LAST, id LIMIT 7
-- name: whole sort
SELECT id, note FROM orders ORDER BY note COLLATE "C", total DESC
-- name: incremental sort
SELECT id, customer_id, total FROM orders ORDER BY customer_id, total LIMIT 50
-- name: backwards
SELECT id FROM customers ORDER BY id DESC LIMIT 5
-- name: index only
SELECT total, status FROM orders WHERE total BETWEEN 10 AND 12
-- name: partial index
SELECT id FROM orders WHERE status = 'open' AND placed_at > '2025-03-01 UTC'
-- name: expression index
SELECT id FROM customers WHERE lower(name) = 'customer 9'
-- name: bitmap and
SELECT id FROM orders WHERE total BETWEEN 10 AND 40 AND customer_id BETWEEN 100 AND 300
-- name: bitmap or
SELECT id FROM orders WHERE total = 3 OR customer_id = 5 OR id = 9
-- name: any of an array
SELECT id FROM orders WHERE id = ANY (ARRAY[1, 5, 900, 19999])
-- name: in a long list
SELECT id FROM products WHERE id IN (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)
-- name: hash index
SELECT order_id FROM order_lines WHERE product_id = 44
-- name: gin of an array
SELECT id FROM customers WHERE tags @> ARRAY['t3', 't4']
-- name: gin of a document
SELECT id FROM customers WHERE profile @> '{"level": 3}'
-- name: words
SELECT id FROM products WHERE words @@ plainto_tsquery('english', 'fine lamps')
-- name: gist of ranges
SELECT id FROM products WHERE valid && tstzrange('2025-03-01 UTC', '2025-03-03 UTC')
-- name: nearest
SELECT id FROM products ORDER BY place <-> point(3, 3) LIMIT 4
-- name: brin
SELECT avg(value) FROM readings WHERE at BETWEEN '2025-01-05 UTC' AND '2025-01-06 UTC'
-- name: rows by address
SELECT id FROM scratch WHERE ctid = '(0,3)'
-- name: a range of addresses
SELECT id FROM scratch WHERE ctid > '(1,0)' AND ctid < '(2,9)'
-- name: sample
SELECT count(*) FROM orders TABLESAMPLE SYSTEM (20) REPEATABLE (7)
-- name: sample of rows
SELECT count(*) FROM orders TABLESAMPLE BERNOULLI (5) REPEATABLE (7) WHERE total > 10
-- name: pruned while planning
SELECT count(*) FROM events WHERE at >= '2025-06-01 UTC' AND at < '2025-07-01 UTC'
-- name: pruned while running
SELECT count(*) FROM events WHERE at > (SELECT timestamptz '2025-11-01 UTC')
-- name: pruned by stable time
SELECT count(*) FROM events WHERE at > now() - interval '1 day'
-- name: all parts
SELECT kind, count(*) FROM events GROUP BY kind ORDER BY 2 DESC
-- name: merged parts
SELECT id, at FROM events ORDER BY at LIMIT 20
-- name: joined parts
SELECT count(*) FROM tenants_data AS a JOIN tenants_data AS b USING (tenant) WHERE a.id < 50
-- name: no part
SELECT * FROM events_2024 WHERE false
-- name: never true
SELECT id FROM customers WHERE id = 1 AND 1 = 2
-- name: one-time filter
SELECT id FROM customers WHERE current_setting('server_version_num')::int > 1
-- name: plain aggregate
SELECT count(*), avg(total), string_agg(DISTINCT status, ',') FROM orders
-- name: hashed aggregate
SELECT customer_id, sum(total) FROM orders GROUP BY customer_id
-- name: sorted aggregate
SELECT status, array_agg(id ORDER BY id) FROM orders GROUP BY status
-- name: having
SELECT customer_id, count(*) FROM orders GROUP BY customer_id HAVING count(*) > 8
-- name: filtered aggregate
SELECT city, count(*) FILTER (WHERE born < '1970-01-01') FROM customers GROUP BY city
-- name: grouping sets
SELECT status, date_trunc('month', placed_at), sum(total) FROM orders GROUP BY GROUPING SETS ((status), (date_trunc('month', placed_at)), ())
-- name: rollup
SELECT city, born, count(*) FROM customers WHERE id < 300 GROUP BY ROLLUP (city, born)
-- name: cube
SELECT status, total, count(*) FROM orders WHERE id < 500 GROUP BY CUBE (status, total)
-- name: percentile
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders
-- name: distinct
SELECT DISTINCT city FROM customers
-- name: distinct on
SELECT DISTINCT ON (customer_id) customer_id, id FROM orders ORDER BY customer_id, placed_at DESC
-- name: sorted distinct rows
SELECT DISTINCT status, total FROM orders ORDER BY status, total
-- name: window
SELECT id, rank() OVER (PARTITION BY customer_id ORDER BY total DESC) FROM orders WHERE customer_id < 50
-- name: several windows
SELECT id, sum(total) OVER w, lag(total) OVER (ORDER BY id), ntile(4) OVER (ORDER BY total) FROM orders WHERE id < 300 WINDOW w AS (PARTITION BY status ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
-- name: window with a run condition
SELECT * FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders) AS x WHERE n <= 10
-- name: union
SELECT id FROM customers WHERE id < 10 UNION SELECT id FROM products WHERE id < 12
-- name: union all
SELECT id FROM customers UNION ALL SELECT id FROM orders UNION ALL SELECT 1
-- name: intersect
SELECT id FROM customers INTERSECT SELECT id FROM orders WHERE id < 900
-- name: except all
SELECT city FROM customers EXCEPT ALL SELECT 'Bern' FROM generate_series(1, 20)
-- name: ordered union
(SELECT id FROM customers ORDER BY id) UNION ALL (SELECT id FROM orders ORDER BY id) ORDER BY id LIMIT 9
-- name: materialized cte
WITH big AS MATERIALIZED (SELECT * FROM orders WHERE total > 900) SELECT count(*) FROM big AS a JOIN big AS b USING (customer_id)
-- name: cte read once
WITH few AS (SELECT id FROM customers WHERE city = 'Graz') SELECT count(*) FROM few
-- name: cte read in part
WITH w AS MATERIALIZED (SELECT id FROM orders) SELECT id FROM w LIMIT 3
-- name: recursion
WITH RECURSIVE tree AS (SELECT id, 0 AS depth FROM customers WHERE id = 1 UNION ALL SELECT c.id, depth + 1 FROM customers AS c JOIN tree AS t ON c.parent_id = t.id) SELECT depth, count(*) FROM tree GROUP BY depth
-- name: recursion without repetition
WITH RECURSIVE up (id) AS (SELECT 2999::bigint UNION SELECT c.parent_id FROM customers AS c JOIN up USING (id) WHERE c.parent_id IS NOT NULL) SELECT * FROM up
-- name: cte in a cte
WITH a AS MATERIALIZED (SELECT id, city FROM customers), b AS MATERIALIZED (SELECT city, count(*) AS n FROM a GROUP BY city) SELECT * FROM b WHERE n > 10
-- name: lateral
SELECT c.id, l.id FROM customers AS c CROSS JOIN LATERAL (SELECT o.id FROM orders AS o WHERE o.customer_id = c.id ORDER BY o.placed_at DESC LIMIT 2) AS l WHERE c.id < 40
-- name: memoize
SELECT o.id, p.price FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id JOIN LATERAL (SELECT price FROM products WHERE products.id = l.product_id OFFSET 0) AS p ON true WHERE l.order_id < 3000
-- name: function scan
SELECT n FROM numbers(30) AS n WHERE n > 3
-- name: series with ordinality
SELECT * FROM generate_series(1, 5) WITH ORDINALITY
-- name: rows from several functions
SELECT * FROM ROWS FROM (numbers(3), generate_series(1, 9)) AS f (a, b)
-- name: set in the select list
SELECT id, unnest(tags) FROM customers WHERE id < 20
-- name: documents as rows
SELECT c.id, e.key, e.value FROM customers AS c, jsonb_each(c.profile) AS e WHERE c.id < 10
-- name: document as a record
SELECT r.* FROM customers AS c, jsonb_to_record(c.profile) AS r (level int) WHERE c.id < 8
-- name: json as a table
SELECT t.* FROM customers AS c, JSON_TABLE(c.profile, '$.flags[*]' COLUMNS (flag int PATH '$')) AS t WHERE c.id < 20
-- name: values
SELECT v.n, c.name FROM (VALUES (1), (2), (3)) AS v (n) JOIN customers AS c ON c.id = v.n
-- name: nothing from nowhere
SELECT 1, now()
-- name: view
SELECT name, total FROM open_orders WHERE total > 500
-- name: materialized view
SELECT * FROM city_totals ORDER BY total DESC
-- name: subquery scan
SELECT x.n FROM (SELECT city, count(*) AS n FROM customers GROUP BY city LIMIT 3) AS x WHERE x.n > 1
-- name: odd names
SELECT "Odd ""name""" AS "a ""quoted"" alias" FROM products AS "P x" WHERE "Odd ""name""" LIKE 'product 1%'
-- name: patterns
SELECT id FROM customers WHERE name ILIKE '%r 12%' OR name ~ '^customer 9{2,}$'
-- name: text that looks like a plan
SELECT id FROM customers WHERE name = '{"Plan": [1], "Filter": "\"x"}'
-- name: rows compared
SELECT id FROM orders WHERE (customer_id, placed_at) < (50, '2025-02-01 UTC') ORDER BY customer_id DESC, placed_at DESC LIMIT 5
-- name: null tests
SELECT id FROM customers WHERE parent_id IS NULL OR born IS NOT DISTINCT FROM NULL
-- name: case and cast
SELECT id FROM orders WHERE CASE WHEN status = 'open' THEN total::int ELSE 0 END > 5
-- name: time zones
SELECT count(*) FROM orders WHERE (placed_at AT TIME ZONE 'UTC')::date = '2025-02-02'
-- name: five tables
SELECT c.city, p.price, sum(l.quantity) FROM customers AS c JOIN orders AS o ON o.customer_id = c.id JOIN order_lines AS l ON l.order_id = o.id JOIN products AS p ON p.id = l.product_id JOIN stock AS s ON s.product_id = p.id WHERE c.city = 'Lyon' AND o.status = 'open' GROUP BY 1, 2
-- name: eight aliases of one table
SELECT count(*) FROM stock a JOIN stock b USING (product_id) JOIN stock c USING (product_id) JOIN stock d USING (product_id) JOIN stock e USING (product_id) JOIN stock f USING (product_id) JOIN stock g USING (product_id) JOIN stock h USING (product_id)
-- name: merged by order
SELECT a.id FROM orders AS a JOIN orders AS b ON a.id = b.id ORDER BY a.id LIMIT 100
-- name: unequal join
SELECT count(*) FROM stock AS a JOIN stock AS b ON a.pieces < b.pieces WHERE a.product_id < 20
-- name: join filter
SELECT count(*) FROM orders AS o JOIN customers AS c ON c.id = o.customer_id AND c.born + o.id::int > '1990-01-01'
-- name: locked rows
SELECT id FROM stock AS s JOIN products AS p ON p.id = s.product_id WHERE p.id < 9 FOR UPDATE OF s SKIP LOCKED
-- name: row level security
SELECT body FROM guarded WHERE id < 20
-- name: insert
INSERT INTO audit (what) SELECT name FROM customers WHERE id < 20
-- name: insert returning
INSERT INTO stock VALUES (9001, 1), (9002, 2) RETURNING product_id
-- name: upsert
INSERT INTO stock SELECT n, 1 FROM generate_series(495, 505) AS n ON CONFLICT (product_id) DO UPDATE SET pieces = stock.pieces + 1 WHERE stock.pieces > 497
-- name: insert or nothing
INSERT INTO stock VALUES (1, 1) ON CONFLICT DO NOTHING
-- name: insert into parts
INSERT INTO events SELECT n, '2025-05-05 UTC', 'new', '{}' FROM generate_series(1, 30) AS n
-- name: update
UPDATE orders SET note = 'paid' WHERE customer_id = 9
-- name: update from
UPDATE stock AS s SET pieces = s.pieces + l.n FROM (SELECT product_id, count(*) AS n FROM order_lines GROUP BY 1) AS l WHERE l.product_id = s.product_id AND s.product_id < 30
-- name: update of parts
UPDATE events SET kind = 'late' WHERE at > '2025-12-20 UTC' AND id % 7 = 0
-- name: delete
DELETE FROM scratch WHERE id % 10 = 3
-- name: delete with a foreign key
DELETE FROM orders WHERE id IN (3, 4, 5)
-- name: delete using
DELETE FROM order_lines AS l USING orders AS o WHERE o.id = l.order_id AND o.id < 20 RETURNING l.line_no
-- name: changes in a cte
WITH gone AS (DELETE FROM scratch WHERE id < 20 RETURNING id, body), kept AS (INSERT INTO audit (what) SELECT body FROM gone RETURNING id) SELECT count(*) FROM gone, kept
-- name: merge
MERGE INTO stock AS s USING (SELECT n AS product_id FROM generate_series(490, 510) AS n) AS x ON x.product_id = s.product_id WHEN MATCHED AND s.pieces > 495 THEN DELETE WHEN MATCHED THEN UPDATE SET pieces = 0 WHEN NOT MATCHED THEN INSERT VALUES (x.product_id, 1)
-- name: create table as
CREATE TABLE copied AS SELECT city, count(*) FROM customers GROUP BY city
-- name: cursor
DECLARE c CURSOR FOR SELECT id FROM orders WHERE total > 5
-- name: temporary rows
SELECT count(*) FROM generate_series(1, 20000) AS n JOIN generate_series(1, 20000) AS m ON n = m
-- name: system columns
SELECT tableoid::regclass, xmin, count(*) FROM events GROUP BY 1, 2
-- name: catalog
SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid WHERE c.relkind = 'r' AND a.attnum > 0
-- name: prepared
EXECUTE by_city ('Oslo', 20)
-- name: prepared keyset
EXECUTE page (15000)
