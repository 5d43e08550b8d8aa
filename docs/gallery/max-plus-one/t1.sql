-- Writes invoice 2 with the number after the highest one.
BEGIN;
INSERT INTO invoices (id, number) SELECT 2, max(number) + 1 FROM invoices;
COMMIT;
