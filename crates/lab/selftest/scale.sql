INSERT INTO customers (email) SELECT 'c' || n || '@example.org' FROM generate_series(1, 200 * :scale) AS n;
INSERT INTO products (slug, stock) SELECT 'product-' || n, 1000 FROM generate_series(1, 50 * :scale) AS n;
INSERT INTO orders (customer_id, product_id, quantity)
SELECT 1 + n % 200, 1 + n / 7 % 50, 1 + n % 3 FROM generate_series(1, 500 * :scale) AS n;
