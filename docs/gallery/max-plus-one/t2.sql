-- Writes invoice 3 with the number after the highest one.
BEGIN;
INSERT INTO invoices (id, number) SELECT 3, max(number) + 1 FROM invoices;
COMMIT;
