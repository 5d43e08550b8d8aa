-- Transfers neither create nor destroy money.
SELECT sum(balance) AS total FROM accounts HAVING sum(balance) <> 200;
