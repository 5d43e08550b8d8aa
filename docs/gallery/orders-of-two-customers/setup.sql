CREATE TABLE customers (id bigint PRIMARY KEY, orders integer NOT NULL);
CREATE TABLE products (id bigint PRIMARY KEY, stock integer NOT NULL CHECK (stock >= 0));
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id));
CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders (id),
    product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL,
    PRIMARY KEY (order_id, product_id)
);
CREATE TABLE messages (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders (id));
INSERT INTO customers (id, orders) VALUES (1, 0), (2, 0);
INSERT INTO products (id, stock) VALUES (1, 5), (2, 5);
