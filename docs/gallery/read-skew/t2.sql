-- Adds up both accounts, read one after the other, and stores the total.
BEGIN;
SELECT balance FROM accounts WHERE id = 1
\gset first_
SELECT balance FROM accounts WHERE id = 2
\gset second_
INSERT INTO reports (id, total) VALUES (1, :first_balance::numeric + :second_balance::numeric);
COMMIT;
