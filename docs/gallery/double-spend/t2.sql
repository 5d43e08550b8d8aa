-- Pays 80 from the account as payment 2 if the balance, read before, covers it.
BEGIN;
SELECT balance >= 80 AS is_covered FROM accounts WHERE id = 1
\gset
\if :is_covered
UPDATE accounts SET balance = balance - 80 WHERE id = 1;
INSERT INTO payments (id, account_id, amount) VALUES (2, 1, 80);
\endif
COMMIT;
