-- Subscribes user 1 as subscription 2, in one statement that looks first.
BEGIN;
INSERT INTO subscriptions (id, user_id)
SELECT 2, 1 WHERE NOT EXISTS (SELECT FROM subscriptions WHERE user_id = 1);
COMMIT;
