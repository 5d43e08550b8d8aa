-- expects: breaks-running-code
-- The server knows no dependency of a body that is a string.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, NULL, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE FUNCTION phone_of(bigint) RETURNS text LANGUAGE sql STABLE AS 'SELECT phone FROM users WHERE id = $1';
-- == migration
ALTER TABLE users DROP COLUMN phone;
-- == running
-- name: phone
SELECT phone_of(7) AS phone
