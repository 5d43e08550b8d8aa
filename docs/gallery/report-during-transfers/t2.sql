-- Moves 10 from account 3 to account 4.
BEGIN;
UPDATE accounts SET balance = balance - 10 WHERE id = 3;
UPDATE accounts SET balance = balance + 10 WHERE id = 4;
COMMIT;
