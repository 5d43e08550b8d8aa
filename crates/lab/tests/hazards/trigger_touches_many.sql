-- expects: long-row-locks
-- One row by its text, thousands by a trigger.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE TABLE plans (id int PRIMARY KEY, name text NOT NULL, price int);
INSERT INTO plans SELECT n, 'plan ' || n, n * 10 FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
CREATE FUNCTION age_all() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET age = age + 1; RETURN NULL; END $$;
CREATE TRIGGER plans_age AFTER UPDATE ON plans FOR EACH STATEMENT EXECUTE FUNCTION age_all();
-- == migration
UPDATE plans SET price = price + 1 WHERE id = 1;
