-- expects: breaks-running-code
-- notes: stale-prepared-plan
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
ALTER TABLE users RENAME COLUMN phone TO mobile;
-- == running
-- name: by_phone
-- param: phone text = 'p7'
SELECT id, name FROM users WHERE phone = $1;
-- name: all_of_one
-- param: id bigint = 7
SELECT * FROM users WHERE id = $1;
