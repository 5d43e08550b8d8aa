CREATE TABLE accounts (id bigint PRIMARY KEY, balance numeric NOT NULL);
CREATE TABLE notices (id bigint PRIMARY KEY);
INSERT INTO accounts (id, balance) VALUES (1, 0);
