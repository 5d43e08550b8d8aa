-- expects: scan-under-lock
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
ALTER TABLE users ADD CONSTRAINT age_known CHECK (age >= 0) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT age_known;
