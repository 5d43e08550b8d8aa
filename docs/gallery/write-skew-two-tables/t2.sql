-- Takes 100 from savings if both accounts together cover it.
BEGIN;
SELECT c.balance + s.balance >= 100 AS is_covered
FROM checking_accounts AS c
JOIN savings_accounts AS s ON s.id = c.id
WHERE c.id = 1
\gset
\if :is_covered
UPDATE savings_accounts SET balance = balance - 100 WHERE id = 1;
\endif
COMMIT;
