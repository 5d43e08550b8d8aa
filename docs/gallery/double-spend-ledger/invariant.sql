-- No account is overdrawn.
SELECT account_id, sum(amount) AS balance
FROM entries
GROUP BY account_id
HAVING sum(amount) < 0;
