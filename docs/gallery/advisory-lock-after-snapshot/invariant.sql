-- Nobody stores more than 100 megabytes.
SELECT user_id, sum(megabytes) AS megabytes
FROM uploads
GROUP BY user_id
HAVING sum(megabytes) > 100;
