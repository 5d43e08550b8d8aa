-- Reads the order, then the price, and writes the invoice.
BEGIN;
SELECT quantity FROM orders WHERE id = 1
\gset
INSERT INTO invoices (id, total) SELECT 1, :quantity::integer * coalesce(sum(amount), 0) FROM prices WHERE id = 1;
COMMIT;
