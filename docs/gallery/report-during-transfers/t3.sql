-- Adds up the accounts in two queries.
BEGIN;
SELECT sum(balance) AS first_half FROM accounts WHERE id IN (1, 3)
\gset
SELECT sum(balance) AS second_half FROM accounts WHERE id IN (2, 4)
\gset
COMMIT;
