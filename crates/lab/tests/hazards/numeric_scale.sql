-- expects: table-rewrite
-- == setup
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, total numeric(10,2) NOT NULL);
INSERT INTO orders SELECT n, n, n FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO app;
-- == migration
ALTER TABLE orders ALTER COLUMN total TYPE numeric(12,4);
