CREATE TABLE accounts (id bigint PRIMARY KEY, balance numeric NOT NULL CHECK (balance >= 0));
CREATE TABLE payments (id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), amount numeric NOT NULL);
INSERT INTO accounts (id, balance) VALUES (1, 100);
