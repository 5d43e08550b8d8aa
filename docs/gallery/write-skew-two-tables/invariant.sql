-- Both accounts of a customer together are not below zero.
SELECT c.id, c.balance + s.balance AS total
FROM checking_accounts AS c
JOIN savings_accounts AS s ON s.id = c.id
WHERE c.balance + s.balance < 0;
