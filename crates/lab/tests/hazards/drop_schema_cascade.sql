-- expects: data-loss
-- == setup
CREATE SCHEMA shop;
CREATE TABLE shop.products (id bigint PRIMARY KEY, name text);
INSERT INTO shop.products SELECT n, 'p' || n FROM generate_series(1, :rows) AS n;
-- == migration
DROP SCHEMA shop CASCADE;
