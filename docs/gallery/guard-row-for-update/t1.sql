-- Pays 80 as entry 2 after locking the account and adding up its entries.
BEGIN;
SELECT id FROM accounts WHERE id = 1 FOR UPDATE;
SELECT sum(amount) >= 80 AS is_covered FROM entries WHERE account_id = 1
\gset
\if :is_covered
INSERT INTO entries (id, account_id, amount) VALUES (2, 1, -80);
\endif
COMMIT;
