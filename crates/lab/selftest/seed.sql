INSERT INTO customers (id, email, created_at) OVERRIDING SYSTEM VALUE
VALUES (1, 'ada@example.org', '2026-01-01 00:00:00+00'), (2, 'bob@example.org', '2026-01-01 00:00:00+00')
ON CONFLICT DO NOTHING;
INSERT INTO products (id, slug, stock) OVERRIDING SYSTEM VALUE
VALUES (1, 'lamp', 100), (2, 'desk', 100)
ON CONFLICT DO NOTHING;
SELECT setval('customers_id_seq', greatest(2, (SELECT max(id) FROM customers)));
SELECT setval('products_id_seq', greatest(2, (SELECT max(id) FROM products)));
