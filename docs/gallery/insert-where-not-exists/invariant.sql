-- Every user has at most one subscription.
SELECT user_id, count(*) AS subscriptions FROM subscriptions GROUP BY user_id HAVING count(*) > 1;
