-- order_lines.unit_price_cents integer becomes order_lines.unit_price_minor bigint.
--
-- Two faults of the first days at once. An integer ends at 2 147 483 647: a machine for 25 million in a currency with two
-- decimals does not fit. And "cents" is wrong for JPY. (The total was right from the start, because sum() over integers is
-- a bigint.) ALTER COLUMN ... TYPE bigint would write the largest table of the shop anew under a lock that stops every
-- reader; a second column, filled in batches, stops nobody.
--
-- The new column gets no NOT NULL yet: proving it reads all rows. The check says the same, for new rows from now on, and is
-- proven for the others in contract.sql.

ALTER TABLE order_lines ADD COLUMN unit_price_minor bigint;
ALTER TABLE order_lines ADD CONSTRAINT ck_order_lines_unit_price_minor CHECK (unit_price_minor >= 0) NOT VALID;
ALTER TABLE order_lines ADD CONSTRAINT ck_order_lines_unit_price_minor_known CHECK (unit_price_minor IS NOT NULL) NOT VALID;
COMMENT ON COLUMN order_lines.unit_price_minor IS 'Snapshot of the price of that moment, in minor units of the order''s currency: later prices do not change what was agreed.';

CREATE FUNCTION sync_order_line_prices() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.unit_price_minor := coalesce(NEW.unit_price_minor, NEW.unit_price_cents);
        NEW.unit_price_cents := NEW.unit_price_minor;
    ELSIF NEW.unit_price_minor IS DISTINCT FROM OLD.unit_price_minor THEN
        NEW.unit_price_cents := NEW.unit_price_minor;
    ELSE
        -- Also when the price did not change: a row that the backfill has not reached yet is brought up by any write.
        NEW.unit_price_minor := NEW.unit_price_cents;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION sync_order_line_prices() IS
    'Keeps both columns equal while two versions of the application run. A price that only the new column can hold is refused until then: the old version could not read it.';

CREATE TRIGGER trg_order_lines_sync_price BEFORE INSERT OR UPDATE ON order_lines
    FOR EACH ROW EXECUTE FUNCTION sync_order_line_prices();

GRANT INSERT (unit_price_minor), UPDATE (unit_price_minor) ON order_lines TO orders_app;
