-- customers.phone becomes customers.phone_number, the name that the carriers' interface uses.
--
-- A RENAME COLUMN is instant, and breaks every running copy of the application in that instant. So the new column stands
-- beside the old one for a while, and a trigger keeps them equal whichever version of the application writes.
-- Only the catalog changes: a column without a default is not written, and the check looks at new rows only.

ALTER TABLE customers ADD COLUMN phone_number text;
ALTER TABLE customers ADD CONSTRAINT ck_customers_phone_number CHECK (phone_number ~ '^\+[0-9]{6,15}$') NOT VALID;
COMMENT ON COLUMN customers.phone_number IS 'E.164, for the carrier; NULL when not given.';

CREATE FUNCTION sync_customer_phones() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.phone_number := coalesce(NEW.phone_number, NEW.phone);
        NEW.phone := NEW.phone_number;
    ELSIF NEW.phone_number IS DISTINCT FROM OLD.phone_number THEN
        NEW.phone := NEW.phone_number;
    ELSE
        -- Also when phone did not change: a row that the backfill has not reached yet is brought up by any write.
        NEW.phone_number := NEW.phone;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION sync_customer_phones() IS 'Keeps customers.phone and customers.phone_number equal while two versions of the application run. In an UPDATE of both the new name wins.';

CREATE TRIGGER trg_customers_sync_phone BEFORE INSERT OR UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION sync_customer_phones();

GRANT INSERT (phone_number), UPDATE (phone_number) ON customers TO orders_app;
