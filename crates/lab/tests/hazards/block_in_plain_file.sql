-- expects: lock-held-through-work
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
-- no-transaction
BEGIN;
ALTER TABLE users ADD COLUMN full_name text;
UPDATE users SET full_name = name;
COMMIT;
