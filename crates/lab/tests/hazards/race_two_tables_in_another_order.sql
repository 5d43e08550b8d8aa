-- expects: deadlock
-- == setup
CREATE TABLE accounts (id bigint PRIMARY KEY, total int NOT NULL);
CREATE TABLE entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL, amount int NOT NULL);
INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 6) AS n;
GRANT SELECT, INSERT, UPDATE ON accounts, entries TO app;
-- == migration
ALTER TABLE entries ADD COLUMN note text;
ALTER TABLE accounts ADD COLUMN note text;
-- == transaction book
BEGIN;
UPDATE accounts SET total = total + 5 WHERE id = 1;
INSERT INTO entries (account_id, amount) VALUES (1, 5);
COMMIT;
