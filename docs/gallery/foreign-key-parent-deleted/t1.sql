-- Takes in an order.
BEGIN;
INSERT INTO orders (id, customer_id) VALUES (1, 1);
COMMIT;
