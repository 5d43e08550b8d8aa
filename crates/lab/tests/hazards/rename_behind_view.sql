-- expects: nothing
-- A view under the old name keeps the old code working.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
ALTER TABLE users RENAME TO people;
ALTER TABLE people RENAME COLUMN phone TO mobile;
CREATE VIEW users AS SELECT id, name, mobile AS phone, age FROM people;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == running
-- name: by_phone
-- param: phone text = 'p7'
SELECT id, name FROM users WHERE phone = $1;
-- name: register
-- param: name text = 'new'
INSERT INTO users (name, phone) VALUES ($1, 'p')
