-- Withdraws 80 from the account of bob if its balance covers it, found by an index as in a large table.
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT balance >= 80 AS is_covered FROM accounts WHERE owner = 'bob'
\gset
\if :is_covered
UPDATE accounts SET balance = balance - 80 WHERE owner = 'bob';
\endif
COMMIT;
