-- No account is overdrawn.
SELECT id, balance FROM accounts WHERE balance < 0;
