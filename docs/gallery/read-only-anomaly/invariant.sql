-- The reported total of a closed batch is the sum of its receipts.
SELECT p.batch_id, p.total, coalesce(sum(r.amount), 0) AS sum_of_receipts
FROM reports AS p
LEFT JOIN receipts AS r ON r.batch_id = p.batch_id
GROUP BY p.batch_id
HAVING p.total <> coalesce(sum(r.amount), 0);
