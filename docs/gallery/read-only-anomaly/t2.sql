-- Closes the batch and opens the next one.
BEGIN;
UPDATE controls SET batch_id = batch_id + 1 WHERE id = 1;
COMMIT;
