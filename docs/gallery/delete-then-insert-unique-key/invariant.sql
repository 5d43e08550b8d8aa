-- Every user has exactly one setting.
SELECT count(*) AS settings FROM settings WHERE user_id = 1 HAVING count(*) <> 1;
