-- expects: long-row-locks
-- The rows are locked, but they stand elsewhere afterwards.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
CREATE TABLE archive (LIKE users);
WITH gone AS (DELETE FROM users RETURNING *) INSERT INTO archive SELECT * FROM gone;
