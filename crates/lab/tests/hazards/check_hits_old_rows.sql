-- expects: breaks-running-code
-- warnings: old-rows-refused
-- A row from before fails at its next change, whichever column that is.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
ALTER TABLE users ADD CONSTRAINT age_limit CHECK (age < 80) NOT VALID;
-- == running
-- name: rename
-- param: id bigint = 85
UPDATE users SET name = 'Ann' WHERE id = $1
