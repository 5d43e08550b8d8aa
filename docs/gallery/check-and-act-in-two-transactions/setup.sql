CREATE TABLE products (id bigint PRIMARY KEY, stock integer NOT NULL);
INSERT INTO products (id, stock) VALUES (1, 1);
