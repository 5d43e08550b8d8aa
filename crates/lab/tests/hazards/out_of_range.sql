-- expects: fails-on-data
-- == setup
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL, total numeric(10,2) NOT NULL);
INSERT INTO orders SELECT n, n, n FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO app;
UPDATE orders SET user_id = 40000 WHERE id = 5;
-- == migration
ALTER TABLE orders ALTER COLUMN user_id TYPE smallint;
