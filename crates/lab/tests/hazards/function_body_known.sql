-- expects: fails-on-dependency
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE FUNCTION phone_of(bigint) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT phone FROM users WHERE id = $1; END;
-- == migration
ALTER TABLE users DROP COLUMN phone;
