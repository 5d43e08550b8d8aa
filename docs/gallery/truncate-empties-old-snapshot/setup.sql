CREATE TABLE prices (id bigint PRIMARY KEY, amount numeric NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, quantity integer NOT NULL);
CREATE TABLE invoices (id bigint PRIMARY KEY, total numeric NOT NULL);
INSERT INTO prices (id, amount) VALUES (1, 10);
INSERT INTO orders (id, quantity) VALUES (1, 3);
