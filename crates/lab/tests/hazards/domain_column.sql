-- expects: table-rewrite
-- A column without any default; the constraint of its domain makes the server write every row.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
-- == migration
ALTER TABLE users ADD COLUMN score positive;
