-- expects: nothing
-- == setup
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, upper_name text);
INSERT INTO people (name) SELECT 'n' || n FROM generate_series(1, 6) AS n;
GRANT SELECT, INSERT, UPDATE ON people TO app;
-- == migration
-- no-transaction
CREATE FUNCTION keep_upper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.upper_name := upper(NEW.name); RETURN NEW; END $$;
CREATE TRIGGER keep_upper BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION keep_upper();
UPDATE people SET upper_name = upper(name) WHERE upper_name IS NULL;
-- == transaction register
BEGIN;
INSERT INTO people (name) VALUES ('new');
COMMIT;
