CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);
CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders (id), amount numeric NOT NULL);
INSERT INTO orders (id, total) VALUES (1, 10);
INSERT INTO order_lines (id, order_id, amount) VALUES (1, 1, 10);
