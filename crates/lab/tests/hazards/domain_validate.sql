-- expects: scan-under-lock
-- Up to 18 at least, validation of a domain keeps writers of its tables out.
-- == setup
CREATE DOMAIN email AS text;
CREATE TABLE users (id bigint PRIMARY KEY, mail email);
INSERT INTO users SELECT n, 'n' || n || '@example.com' FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON users TO app;
-- == migration
-- no-transaction
ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE ~ '@') NOT VALID;
ALTER DOMAIN email VALIDATE CONSTRAINT has_at;
