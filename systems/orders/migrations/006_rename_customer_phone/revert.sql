-- Back to before expand.sql. What the next version wrote is in phone as well, so nothing is lost.

DROP TRIGGER trg_customers_sync_phone ON customers;
DROP FUNCTION sync_customer_phones();
ALTER TABLE customers DROP COLUMN phone_number;
