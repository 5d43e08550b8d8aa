CREATE TABLE accounts (id bigint PRIMARY KEY, owner text NOT NULL, balance numeric NOT NULL);
INSERT INTO accounts (id, owner, balance) VALUES (1, 'ann', 100), (2, 'bob', 100);
