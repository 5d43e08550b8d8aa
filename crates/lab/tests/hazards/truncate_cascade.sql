-- expects: data-loss
-- The statement names one table and empties two.
-- == setup
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, price int);
INSERT INTO plans SELECT n, 'plan ' || n, n * 10 FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
DELETE FROM plans WHERE id > 1;
CREATE TABLE members (id bigint PRIMARY KEY, plan_id int REFERENCES plans);
INSERT INTO members SELECT n, 1 FROM generate_series(1, :rows) AS n;
-- == migration
TRUNCATE plans CASCADE;
