-- expects: nothing
-- == setup
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, price int);
INSERT INTO plans SELECT n, 'plan ' || n, n * 10 FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
-- == migration
ALTER TABLE plans ALTER COLUMN price TYPE numeric(10,2);
ALTER TABLE plans ALTER COLUMN price SET NOT NULL;
CREATE INDEX plans_name_idx ON plans (name);
ALTER TABLE plans ADD CHECK (price > 0);
UPDATE plans SET price = price + 1;
