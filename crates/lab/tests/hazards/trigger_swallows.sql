-- expects: breaks-running-code
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER users_refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse();
-- == running
-- name: register
-- param: name text = 'new'
INSERT INTO users (name) VALUES ($1)
