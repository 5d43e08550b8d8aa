-- expects: nothing
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE FUNCTION age_of(bigint) RETURNS int LANGUAGE sql STABLE AS 'SELECT age FROM users WHERE id = $1';
-- == migration
CREATE OR REPLACE FUNCTION age_of(bigint) RETURNS int LANGUAGE sql STABLE AS 'SELECT coalesce(age, 0) FROM users WHERE id = $1';
-- == running
-- name: age
SELECT age_of(7) AS age
