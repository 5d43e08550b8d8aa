-- no-transaction
-- The previous version of the application is gone; the whole name goes too. Not one transaction: validating reads the whole
-- table, and must not do so while a stronger lock is held. Every statement but the last can be run again.

ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_given_name;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_family_name;
ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_given_name_known;
-- Reads nothing: the check that was just proven says it already.
ALTER TABLE customers ALTER COLUMN given_name SET NOT NULL;

CREATE OR REPLACE TRIGGER trg_customers_touch BEFORE UPDATE ON customers
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email
        OR OLD.given_name IS DISTINCT FROM NEW.given_name
        OR OLD.family_name IS DISTINCT FROM NEW.family_name
        OR OLD.phone_number IS DISTINCT FROM NEW.phone_number
    )
    EXECUTE FUNCTION touch_updated_at();

-- First, so that a customer written between the next statements needs no whole name.
ALTER TABLE customers ALTER COLUMN full_name DROP NOT NULL;
DROP TRIGGER IF EXISTS trg_customers_sync_name ON customers;
DROP FUNCTION IF EXISTS sync_customer_names();
ALTER TABLE customers DROP CONSTRAINT ck_customers_given_name_known, DROP COLUMN full_name;
