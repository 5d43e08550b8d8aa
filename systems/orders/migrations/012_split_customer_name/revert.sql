-- Back to before expand.sql. What the next version wrote is in full_name as well, so nothing is lost. Names whose superfluous
-- blanks were taken out stay as they are now.

DROP TRIGGER trg_customers_sync_name ON customers;
DROP FUNCTION sync_customer_names();
ALTER TABLE customers DROP COLUMN given_name, DROP COLUMN family_name;
