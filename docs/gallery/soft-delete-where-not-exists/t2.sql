-- Marks the customer as deleted where it has no orders, in one statement.
BEGIN;
UPDATE customers SET is_deleted = true
WHERE id = 1 AND NOT EXISTS (SELECT FROM orders WHERE customer_id = 1 AND NOT is_deleted);
COMMIT;
