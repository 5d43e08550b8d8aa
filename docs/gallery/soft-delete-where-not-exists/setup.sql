CREATE TABLE customers (id bigint PRIMARY KEY, is_deleted boolean NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id), is_deleted boolean NOT NULL);
INSERT INTO customers (id, is_deleted) VALUES (1, false);
