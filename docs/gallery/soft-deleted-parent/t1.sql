-- Takes in an order if the customer is not deleted.
BEGIN;
SELECT count(*) AS is_active FROM customers WHERE id = 1 AND NOT is_deleted
\gset
\if :is_active
INSERT INTO orders (id, customer_id, is_deleted) VALUES (1, 1, false);
\endif
COMMIT;
