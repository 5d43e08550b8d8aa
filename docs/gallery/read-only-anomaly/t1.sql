-- Adds a receipt to the open batch.
BEGIN;
INSERT INTO receipts (id, batch_id, amount) SELECT 2, batch_id, 50 FROM controls WHERE id = 1;
COMMIT;
