-- Every address belongs to one user, and every user has one credit.
SELECT u.email, count(*) AS users, count(c.user_id) AS credits
FROM users AS u
LEFT JOIN credits AS c ON c.user_id = u.id
GROUP BY u.email
HAVING count(*) > 1 OR count(c.user_id) <> count(*);
