-- customers.full_name becomes customers.given_name and customers.family_name: letters want the one, invoices the other.
--
-- What was written as one word stays one word: family_name may be NULL, as people with a single name know. The split is at
-- the first blank. For "Mary Ann Smith" that is wrong in one way, at the last blank it would be wrong for "Ana de la Cruz";
-- either way given_name || ' ' || family_name is the name as it was, and the customer can correct the rest.
--
-- given_name gets no NOT NULL yet: proving it reads all rows. The check says the same, for new rows from now on.

ALTER TABLE customers ADD COLUMN given_name text;
ALTER TABLE customers ADD COLUMN family_name text;
ALTER TABLE customers ADD CONSTRAINT ck_customers_given_name CHECK (char_length(given_name) BETWEEN 1 AND 200 AND given_name = btrim(given_name)) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_family_name CHECK (char_length(family_name) BETWEEN 1 AND 200 AND family_name = btrim(family_name)) NOT VALID;
ALTER TABLE customers ADD CONSTRAINT ck_customers_given_name_known CHECK (given_name IS NOT NULL) NOT VALID;
COMMENT ON COLUMN customers.given_name IS 'What letters begin with. For people with one name, that name.';
COMMENT ON COLUMN customers.family_name IS 'NULL for people with one name.';

CREATE FUNCTION sync_customer_names() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    words text;
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.given_name IS NOT NULL)
        OR (TG_OP = 'UPDATE' AND (NEW.given_name, NEW.family_name) IS DISTINCT FROM (OLD.given_name, OLD.family_name)) THEN
        NEW.full_name := concat_ws(' ', NEW.given_name, NEW.family_name);
    ELSIF TG_OP = 'INSERT' OR NEW.full_name <> OLD.full_name OR NEW.given_name IS NULL THEN
        -- Blanks at the ends and double ones say nothing, and would make a split that does not read back.
        words := btrim(regexp_replace(NEW.full_name, '\s+', ' ', 'g'));
        NEW.full_name := words;
        NEW.given_name := split_part(words, ' ', 1);
        NEW.family_name := NULLIF(substr(words, length(split_part(words, ' ', 1)) + 2), '');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION sync_customer_names() IS 'Keeps customers.full_name equal to given_name and family_name while two versions of the application run. In an UPDATE of all of them the new names win. Together they may not be longer than full_name may be, until it is gone.';

CREATE TRIGGER trg_customers_sync_name BEFORE INSERT OR UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION sync_customer_names();

GRANT INSERT (given_name, family_name), UPDATE (given_name, family_name) ON customers TO orders_app;
