-- The balance is 100 less the payments and not below zero.
SELECT a.id, a.balance, coalesce(sum(p.amount), 0) AS paid
FROM accounts AS a
LEFT JOIN payments AS p ON p.account_id = a.id
GROUP BY a.id
HAVING a.balance < 0 OR a.balance <> 100 - coalesce(sum(p.amount), 0);
