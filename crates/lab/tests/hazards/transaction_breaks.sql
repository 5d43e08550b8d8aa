-- expects: breaks-running-code
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
ALTER TABLE users RENAME COLUMN phone TO mobile;
-- == transaction change_phone
-- param: id bigint = 7
BEGIN;
SELECT name FROM users WHERE id = :id FOR UPDATE;
UPDATE users SET phone = '1' WHERE id = :id;
COMMIT;
