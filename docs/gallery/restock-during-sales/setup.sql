CREATE TABLE products (id bigint PRIMARY KEY, received integer NOT NULL, sold integer NOT NULL);
INSERT INTO products (id, received, sold) VALUES (1, 5, 0), (2, 5, 0);
