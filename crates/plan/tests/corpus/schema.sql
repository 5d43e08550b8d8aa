-- What the corpus of plans is explained on: small tables of every kind that a plan can name.
-- PostgreSQL 14 and later; some 150 000 rows.
CREATE TABLE customers (
    id bigint PRIMARY KEY, name text NOT NULL, city text NOT NULL, born date, tags text[] NOT NULL, profile jsonb NOT NULL,
    parent_id bigint REFERENCES customers (id)
);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id), placed_at timestamptz NOT NULL, status text NOT NULL,
    total numeric(12, 2) NOT NULL, note text
);
CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE, line_no int NOT NULL, product_id int NOT NULL, quantity int NOT NULL,
    PRIMARY KEY (order_id, line_no)
);
CREATE TABLE products (
    id int PRIMARY KEY, "Odd ""name""" text NOT NULL, price numeric(8, 2) NOT NULL, words tsvector NOT NULL, valid tstzrange NOT NULL,
    place point NOT NULL
);
CREATE TABLE events (id bigint NOT NULL, at timestamptz NOT NULL, kind text NOT NULL, payload jsonb) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE tenants_data (tenant int NOT NULL, id bigint NOT NULL, body text) PARTITION BY HASH (tenant);
CREATE TABLE tenants_data_0 PARTITION OF tenants_data FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE tenants_data_1 PARTITION OF tenants_data FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE readings (device int NOT NULL, at timestamptz NOT NULL, value double precision NOT NULL);
CREATE UNLOGGED TABLE scratch (id int, body text);
CREATE TABLE stock (product_id int PRIMARY KEY, pieces int NOT NULL CHECK (pieces >= 0));
CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, at timestamptz DEFAULT now());
CREATE TABLE guarded (id int PRIMARY KEY, owner name NOT NULL, body text);

INSERT INTO customers
SELECT n, 'customer ' || n, (ARRAY['Bern', 'Oslo', 'Lyon', 'Graz', 'Köln'])[1 + n * n % 5], DATE '1960-01-01' + n % 12000,
    ARRAY['t' || n % 7, 't' || n % 11], jsonb_build_object('level', n % 10, 'flags', jsonb_build_array(n % 3, n % 4)), nullif(n / 10, 0)
FROM generate_series(1, 3000) AS n;
INSERT INTO orders
SELECT n, 1 + n * 7919 % 3000, timestamptz '2025-01-01 UTC' + n * interval '11 minutes', CASE WHEN n % 50 = 0 THEN 'open' ELSE 'done' END,
    n % 1000, CASE WHEN n % 3 = 0 THEN repeat('x', n % 200) END
FROM generate_series(1, 20000) AS n;
INSERT INTO order_lines SELECT n / 3 + 1, n % 3, 1 + n * 31 % 500, 1 + n % 5 FROM generate_series(0, 59999) AS n;
INSERT INTO products
SELECT n, 'product ' || n, n * 1.5, to_tsvector('english', 'a fine ' || (ARRAY['lamp', 'desk', 'chair', 'shelf'])[1 + n % 4] || ' number ' || n),
    tstzrange(timestamptz '2025-01-01 UTC' + n * interval '1 day', timestamptz '2025-01-01 UTC' + (n + 30) * interval '1 day'), point(n % 100, n / 100)
FROM generate_series(1, 500) AS n;
INSERT INTO events
SELECT n, timestamptz '2023-12-01 UTC' + n * interval '1 hour', 'k' || n % 9, jsonb_build_object('n', n) FROM generate_series(1, 20000) AS n;
INSERT INTO tenants_data SELECT n % 40, n, repeat('y', 20) FROM generate_series(1, 4000) AS n;
INSERT INTO readings SELECT n % 20, timestamptz '2025-01-01 UTC' + n * interval '1 minute', sin(n) FROM generate_series(1, 30000) AS n;
INSERT INTO scratch SELECT n, 'body ' || n FROM generate_series(1, 500) AS n;
INSERT INTO stock SELECT n, n FROM generate_series(1, 500) AS n;
INSERT INTO guarded SELECT n, current_user, 'secret ' || n FROM generate_series(1, 200) AS n;

CREATE INDEX customers_city_idx ON customers (city);
CREATE INDEX customers_lower_name_idx ON customers (lower(name));
CREATE INDEX customers_tags_idx ON customers USING gin (tags);
CREATE INDEX customers_profile_idx ON customers USING gin (profile jsonb_path_ops);
CREATE INDEX orders_customer_id_placed_at_idx ON orders (customer_id, placed_at DESC);
CREATE INDEX orders_open_idx ON orders (placed_at) WHERE status = 'open';
CREATE INDEX orders_status_idx ON orders (status);
CREATE INDEX orders_total_idx ON orders (total) INCLUDE (status);
CREATE INDEX order_lines_product_id_idx ON order_lines USING hash (product_id);
CREATE INDEX products_words_idx ON products USING gin (words);
CREATE INDEX products_valid_idx ON products USING gist (valid);
CREATE INDEX products_place_idx ON products USING spgist (place);
CREATE INDEX events_at_idx ON events (at);
CREATE INDEX readings_at_idx ON readings USING brin (at);
CREATE MATERIALIZED VIEW city_totals AS
SELECT c.city, count(*) AS orders, sum(o.total) AS total FROM customers AS c JOIN orders AS o ON o.customer_id = c.id GROUP BY c.city;
CREATE VIEW open_orders AS SELECT o.id, o.total, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.status = 'open';
CREATE FUNCTION numbers(most int) RETURNS SETOF int LANGUAGE plpgsql ROWS 50 AS $$ BEGIN RETURN QUERY SELECT generate_series(1, most); END $$;
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER stock_audited AFTER INSERT OR UPDATE OR DELETE ON stock FOR EACH ROW EXECUTE FUNCTION audited();
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded USING (owner = current_user AND EXISTS (SELECT FROM stock AS s WHERE s.product_id = guarded.id));
CREATE STATISTICS customers_city_parent (dependencies, mcv) ON city, parent_id FROM customers;
