-- expects: breaks-running-code
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
CREATE RULE users_closed AS ON INSERT TO users DO INSTEAD NOTHING;
-- == running
-- name: register
-- param: name text = 'new'
INSERT INTO users (name) VALUES ($1)
