-- expects: nothing
-- A trigger mends the old rows on their way.
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.age := greatest(NEW.age, 18); RETURN NEW; END $$;
CREATE TRIGGER mend BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION mend();
-- == migration
ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;
