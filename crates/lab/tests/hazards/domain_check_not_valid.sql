-- expects: nothing
-- == setup
CREATE DOMAIN email AS text;
CREATE TABLE users (id bigint PRIMARY KEY, mail email);
INSERT INTO users SELECT n, 'n' || n || '@example.com' FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON users TO app;
-- == migration
ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE ~ '@') NOT VALID;
