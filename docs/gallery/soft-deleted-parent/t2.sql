-- Marks the customer as deleted, then its orders.
BEGIN;
UPDATE customers SET is_deleted = true WHERE id = 1;
UPDATE orders SET is_deleted = true WHERE customer_id = 1;
COMMIT;
