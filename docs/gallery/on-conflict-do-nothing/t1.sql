-- Takes in delivery 1 of a payment notice; the notice counts only where its number is new.
BEGIN;
WITH added AS (
    INSERT INTO notices (id) VALUES (7) ON CONFLICT (id) DO NOTHING RETURNING id
)
SELECT count(*) AS is_new FROM added
\gset
\if :is_new
UPDATE accounts SET balance = balance + 50 WHERE id = 1;
\endif
COMMIT;
