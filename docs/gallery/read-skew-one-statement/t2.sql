-- Adds up both accounts in one statement and stores the total.
BEGIN;
INSERT INTO reports (id, total) SELECT 1, sum(balance) FROM accounts;
COMMIT;
