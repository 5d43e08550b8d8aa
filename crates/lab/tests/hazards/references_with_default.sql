-- expects: scan-under-lock
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, price int);
INSERT INTO plans SELECT n, 'plan ' || n, n * 10 FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
-- == migration
ALTER TABLE users ADD COLUMN plan_id int NOT NULL DEFAULT 1 REFERENCES plans (id);
