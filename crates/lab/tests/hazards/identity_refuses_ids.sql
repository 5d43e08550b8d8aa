-- expects: breaks-running-code
-- == setup
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, price int);
INSERT INTO plans SELECT n, 'plan ' || n, n * 10 FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
-- == migration
ALTER TABLE plans ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (START WITH 100);
-- == running
-- name: add_plan
INSERT INTO plans (id, name) VALUES (99, 'new')
