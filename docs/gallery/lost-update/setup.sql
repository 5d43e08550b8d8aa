CREATE TABLE products (id bigint PRIMARY KEY, received integer NOT NULL, stock integer NOT NULL);
CREATE TABLE sales (id bigint PRIMARY KEY, product_id bigint NOT NULL REFERENCES products (id), quantity integer NOT NULL);
INSERT INTO products (id, received, stock) VALUES (1, 10, 10);
