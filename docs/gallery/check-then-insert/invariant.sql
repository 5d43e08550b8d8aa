-- Every address belongs to one user.
SELECT email, count(*) AS users FROM users GROUP BY email HAVING count(*) > 1;
