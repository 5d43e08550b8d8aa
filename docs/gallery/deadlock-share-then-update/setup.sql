CREATE TABLE products (id bigint PRIMARY KEY, stock integer NOT NULL);
CREATE TABLE sales (id bigint PRIMARY KEY, product_id bigint NOT NULL REFERENCES products (id));
INSERT INTO products (id, stock) VALUES (1, 1);
