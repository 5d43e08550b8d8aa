CREATE TABLE accounts (id bigint PRIMARY KEY);
CREATE TABLE entries (id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), amount numeric NOT NULL);
INSERT INTO accounts (id) VALUES (1);
INSERT INTO entries (id, account_id, amount) VALUES (1, 1, 100);
