-- no-transaction
-- The previous version of the application is gone; the old name goes too. Not one transaction: validating reads the whole
-- table, and must not do so while a stronger lock is held. Each statement can be run again.

ALTER TABLE customers VALIDATE CONSTRAINT ck_customers_phone_number;

CREATE OR REPLACE TRIGGER trg_customers_touch BEFORE UPDATE ON customers
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email
        OR OLD.full_name IS DISTINCT FROM NEW.full_name
        OR OLD.phone_number IS DISTINCT FROM NEW.phone_number
    )
    EXECUTE FUNCTION touch_updated_at();

DROP TRIGGER IF EXISTS trg_customers_sync_phone ON customers;
DROP FUNCTION IF EXISTS sync_customer_phones();
ALTER TABLE customers DROP COLUMN IF EXISTS phone;
