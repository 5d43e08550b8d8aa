-- The balance is 50 for each notice.
SELECT id, balance FROM accounts WHERE balance <> 50 * (SELECT count(*) FROM notices);
