CREATE TABLE invoices (id bigint PRIMARY KEY, number integer NOT NULL);
INSERT INTO invoices (id, number) VALUES (1, 100);
