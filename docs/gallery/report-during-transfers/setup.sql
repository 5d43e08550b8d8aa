CREATE TABLE accounts (id bigint PRIMARY KEY, balance integer NOT NULL);
INSERT INTO accounts (id, balance) VALUES (1, 100), (2, 100), (3, 100), (4, 100);
