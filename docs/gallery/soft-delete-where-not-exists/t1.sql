-- Takes in an order if the customer, locked for it, is not deleted.
BEGIN;
WITH customer AS (
    SELECT id FROM customers WHERE id = 1 AND NOT is_deleted FOR SHARE
)
SELECT count(*) AS is_active FROM customer
\gset
\if :is_active
INSERT INTO orders (id, customer_id, is_deleted) VALUES (1, 1, false);
\endif
COMMIT;
