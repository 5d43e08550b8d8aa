-- Adds up the batch that was closed last and stores the total.
BEGIN;
INSERT INTO reports (batch_id, total)
SELECT c.batch_id - 1, coalesce(sum(r.amount), 0)
FROM controls AS c
LEFT JOIN receipts AS r ON r.batch_id = c.batch_id - 1
WHERE c.id = 1
GROUP BY c.batch_id;
COMMIT;
