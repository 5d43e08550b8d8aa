CREATE TABLE checking_accounts (id bigint PRIMARY KEY, balance numeric NOT NULL);
CREATE TABLE savings_accounts (id bigint PRIMARY KEY, balance numeric NOT NULL);
INSERT INTO checking_accounts (id, balance) VALUES (1, 60);
INSERT INTO savings_accounts (id, balance) VALUES (1, 60);
