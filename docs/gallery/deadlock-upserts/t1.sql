-- Counts one apple and one pear that came in, in this order.
BEGIN;
INSERT INTO fruits AS f (name, quantity) VALUES ('apple', 1)
ON CONFLICT (name) DO UPDATE SET quantity = f.quantity + 1;
INSERT INTO fruits AS f (name, quantity) VALUES ('pear', 1)
ON CONFLICT (name) DO UPDATE SET quantity = f.quantity + 1;
COMMIT;
