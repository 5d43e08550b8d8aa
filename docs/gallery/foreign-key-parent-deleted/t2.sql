-- Deletes the customer.
BEGIN;
DELETE FROM customers WHERE id = 1;
COMMIT;
