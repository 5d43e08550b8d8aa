-- expects: nothing
-- == setup
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, price int);
INSERT INTO plans SELECT n, 'plan ' || n, n * 10 FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
-- == migration
INSERT INTO plans VALUES (1, 'free', 0) ON CONFLICT DO NOTHING;
